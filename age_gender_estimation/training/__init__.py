"""The network, its hyper-parameters and its training with TensorFlow's Estimator."""
