"""The commands: argument parsing, exit codes, signals. Nothing imports this room."""
