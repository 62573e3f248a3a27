"""The two exceptions for work that the given files or settings make impossible; every room may
raise them."""


class InputError(Exception):
    """A file or its content cannot be used. The message is one line: expected, received, what to
    do.

    The commands print it and end with exit code 1. Any other exception is a bug and shows its
    traceback.
    """


class SettingError(InputError):
    """A setting is wrong whatever the data; the commands end with exit code 2, as for a wrong
    argument."""
