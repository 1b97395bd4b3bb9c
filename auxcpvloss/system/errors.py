"""Errors whose cause lies outside the code."""


class InputError(Exception):
    """Bad input: a file, a key or a value.

    The command line prints the message alone (no traceback) and ends with status 2. A message names the file and the
    key or value, what was expected, and what to do.
    """


class StageError(Exception):
    """A stage could not continue: a process was killed, a loss is not a number.

    The command line prints the message alone and ends with status 1; what was finished is kept.
    """
