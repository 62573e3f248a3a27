#!/usr/bin/env python3
"""`age-gender predict` under its published name: bin/predict.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("predict")
