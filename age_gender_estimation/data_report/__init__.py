"""What manifests list, in numbers and images."""
