"""Check names that become names of files and folders: of experiments, and of volumes, which other people have named."""

from __future__ import annotations

from auxcpvloss.system.errors import InputError

MAX_BYTES = 180
"""File systems allow 255 bytes, some of which temporary names and suffixes need."""
TAKEN = {"data": "the folder of the prepared volumes", "comparison": "the folder of comparisons"}
"""Folders next to those of experiments."""


def checked_name(name: str, what: str) -> str:
    """Return the name of `what` if it can be that of a file or folder.

    An `InputError` says if it is empty, hidden or too long, leads to another folder, or has unprintable characters.
    """
    if problem := _problem(name):
        raise InputError(f"{what}: {name[:MAX_BYTES]!r} cannot be a name: {problem}.")
    return name


def experiment_name(name: str, what: str) -> str:
    """Like `checked_name`, but also refuse folders that lie beside those of experiments."""
    if name in TAKEN:
        raise InputError(f"{what}: {name!r} is {TAKEN[name]}; choose another name.")
    return checked_name(name, what)


def _problem(name: str) -> str:
    if not name or name.startswith("."):
        return "it begins with a dot" if name else "it is empty"
    if "/" in name or "\\" in name:
        return "it contains a slash"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "it is not UTF-8"
    if size > MAX_BYTES:
        return f"it has {size} bytes; at most {MAX_BYTES} are allowed"
    return "" if name.isprintable() else "it contains unprintable characters"
