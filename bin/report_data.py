#!/usr/bin/env python3
"""`age-gender report` under its published name: bin/report_data.py --help."""

from launch import launch

if __name__ == "__main__":  # worker processes import this file
    launch("report")
