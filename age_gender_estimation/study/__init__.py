"""Studies: a grid of settings, its runs, their results, and a page about them."""
