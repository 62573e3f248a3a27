"""Labelled face datasets: each is read as a list of Example; `registry.DATASETS` names them."""
