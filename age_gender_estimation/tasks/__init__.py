"""What is predicted: the labels of each task (no TensorFlow), and the heads that learn them."""
