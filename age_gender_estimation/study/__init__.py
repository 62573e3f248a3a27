"""Studies: a grid of settings, what its runs gave, and a page about it. bin/run_study.py runs them."""
