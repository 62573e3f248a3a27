#!/usr/bin/env python3
"""`age-gender preprocess imdb` under its published name: bin/preprocess_imdb.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("preprocess", "imdb")
