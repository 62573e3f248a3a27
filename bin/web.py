#!/usr/bin/env python3
"""`age-gender serve` under its published name: bin/web.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("serve")
