#!/usr/bin/env python3
"""`age-gender study` under its published name: bin/run_study.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("study")
