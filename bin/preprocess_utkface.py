#!/usr/bin/env python3
"""`age-gender preprocess utkface` under its published name: bin/preprocess_utkface.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("preprocess", "utkface")
