"""From datasets to batches: preprocessing, the manifest (the CSV contract), image ops and the input
pipeline."""
