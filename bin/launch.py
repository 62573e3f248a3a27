"""What the scripts beside this file share: each starts a command of `age-gender` under its published name."""

import sys


def launch(*command):
    """Runs `age-gender COMMAND ...` with this process's arguments, and exits."""
    try:
        from age_gender_estimation.cli.main import main
    except ModuleNotFoundError as error:
        sys.exit(f"error: {error}; run make setup, then .venv/bin/python {' '.join(sys.argv)}")
    main([*command, *sys.argv[1:]])
