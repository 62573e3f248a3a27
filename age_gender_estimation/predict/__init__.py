"""Prediction: photos, videos and cameras in, a record per face out, with an exported model."""
