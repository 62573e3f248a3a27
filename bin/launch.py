"""What the scripts in bin/ share: each runs a command of `age-gender` under its published name."""

import shlex
import sys


def launch(*command):
    """Runs `age-gender COMMAND ...` with the arguments of this process, and exits.

    Args:
      *command: the words of the command, such as "preprocess", "imdb".
    """
    try:
        from age_gender_estimation.cli.main import main

        main([*command, *sys.argv[1:]])
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("age_gender_estimation."):
            raise  # a bug of ours
        sys.exit(f"error: {error}; run make setup, then .venv/bin/python {shlex.join(sys.argv)}")
