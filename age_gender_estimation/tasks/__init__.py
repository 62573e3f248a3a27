"""What is predicted: labels and age groups (no TensorFlow), heads and losses (TensorFlow)."""
