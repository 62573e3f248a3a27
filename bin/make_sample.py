#!/usr/bin/env python3
"""`age-gender sample` under its published name: bin/make_sample.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("sample")
