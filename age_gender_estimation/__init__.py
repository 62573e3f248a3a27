"""Age, gender and race from face pictures: raw datasets in, a served multi-task model out."""
