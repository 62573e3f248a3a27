"""The page in the browser and its endpoint for programs: a photo in, predictions out."""
