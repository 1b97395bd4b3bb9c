"""Names that become names of files and folders: of experiments, and of volumes, which others have named."""

from __future__ import annotations

from auxcpvloss.system.errors import InputError

MAX_BYTES = 180
"""File systems allow 255, of which temporaries and suffixes need some."""
TAKEN = {"data": "the folder of the prepared volumes", "comparison": "where comparisons go"}
"""Folders beside the experiments that are none."""


def checked_name(name: str, what: str) -> str:
    """Give a name back that is one: that nothing is written to another folder than the one it is for.

    Parameters
    ----------
    name : str
    what : what bears the name, for the message

    Raises
    ------
    InputError
        The name leads to another folder, is hidden, empty or too long, or has characters that are no text.
    """
    problem = _problem(name)
    if problem:
        raise InputError(f"{what}: {name[:MAX_BYTES]!r} cannot be a name: {problem}.")
    return name


def experiment_name(name: str, what: str) -> str:
    """Like `checked_name`; other folders beside the experiments are none.

    Raises
    ------
    InputError
        See `checked_name`.
    """
    if name in TAKEN:
        raise InputError(f"{what}: {name!r} is {TAKEN[name]}; choose another name.")
    return checked_name(name, what)


def _problem(name: str) -> str:
    if not name or name.startswith("."):
        return "empty" if not name else "it begins with a dot"
    if "/" in name or "\\" in name:
        return "a slash leads to another folder"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "it is not UTF-8"
    if any(not letter.isprintable() for letter in name):
        return "it has characters that cannot be printed"
    return f"it has {size} bytes, {MAX_BYTES} at most fit a file system" if size > MAX_BYTES else ""
