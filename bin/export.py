#!/usr/bin/env python3
"""`age-gender export` under its published name: bin/export.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("export")
