"""Backbones, their published weights, and the network: images -> logits per task."""
