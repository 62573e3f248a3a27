"""How good a model is: metrics over a manifest with confidence intervals, tables and a figure."""
