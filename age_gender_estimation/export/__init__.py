"""Model folder -> SavedModel with its calibration and warm-up requests -> ONNX, TensorFlow Lite."""
