"""The two exceptions for what cannot be done with what was given; every room may raise them."""


class InputError(Exception):
    """Bad data or files. The message is one line: what, expected, received, what to do.

    The scripts in bin/ print it and end with exit code 1; anything else that escapes is a bug and shows its traceback.
    """


class SettingError(InputError):
    """A setting that is wrong whatever the data; the scripts end with exit code 2, as for any wrong argument."""
