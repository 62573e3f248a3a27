"""Model folder -> SavedModel or TensorFlow Lite, with its calibration and warm-up requests."""
