"""What is predicted: label names and ranges (labels, no TensorFlow) and the heads that learn them (heads, TensorFlow)."""
