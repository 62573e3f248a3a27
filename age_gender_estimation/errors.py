"""The one exception for work that cannot be done with what was given; every room may raise it."""


class InputError(Exception):
    """Bad data, files or settings. The message is one line: what, expected, received, what to do.

    The scripts in bin/ print it and end with exit code 1; anything else that escapes is a bug and shows its traceback.
    """
