#!/usr/bin/env python3
"""`age-gender train` under its published name: bin/train.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("train")
