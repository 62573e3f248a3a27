"""Speed of the project beside what it is compared with. Nothing in the package imports it."""
