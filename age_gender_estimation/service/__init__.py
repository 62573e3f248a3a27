"""A page in the browser and an endpoint for programs, on this machine and for it: the uploaded photo in, its faces out."""
