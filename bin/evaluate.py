#!/usr/bin/env python3
"""`age-gender evaluate` under its published name: bin/evaluate.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("evaluate")
