"""Errors whose cause lies outside the code."""

from auxcpvloss.system.printable import printable


class _Told(Exception):  # noqa: N818
    """An error that people are told: one line, or several arguments, each a line.

    Names of files and keys may contain line breaks, and escape sequences that a terminal would obey.
    """

    def __str__(self) -> str:
        return "\n".join(printable(str(line)) for line in self.args)


class InputError(_Told):
    """Bad input: a file, a key or a value.

    The command line prints the message alone (no traceback) and ends with status 2. A message names the file and the
    key or value, what was expected, and what to do.
    """


class LeftOutError(InputError):
    """Some of the volumes could not be used; everything was done with the others."""


class StageError(_Told):
    """A stage could not continue: a process was killed, a loss is not a number.

    The command line prints the message alone and ends with status 1; what was finished is kept.
    """
