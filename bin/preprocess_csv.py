#!/usr/bin/env python3
"""`age-gender preprocess csv` under its published name: bin/preprocess_csv.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("preprocess", "csv")
