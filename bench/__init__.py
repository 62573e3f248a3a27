"""How fast the project is, beside what it is compared with; `python -m bench --help`. Nothing of the package imports it."""
