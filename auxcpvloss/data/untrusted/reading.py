"""Errors of the libraries that read files, as messages for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from auxcpvloss.system.errors import InputError

MAX_METADATA = 2**24
"""Maximum size in bytes of a file that describes an array."""


@contextmanager
def reading(origin: object) -> Iterator[None]:
    """Turn whatever a library raises on a bad file into an `InputError` that names the file.

    A catch of everything: the readers of images, and the codecs below them, raise all kinds of errors.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            f"{origin}: cannot be read; it may be damaged or incomplete ({type(error).__name__}: {error})"
        ) from error


def read_json(file: Path) -> dict[str, Any]:
    """Read a file that describes an array.

    Raises
    ------
    InputError
        It cannot be read, is no table, or is larger than any description.
    """
    with reading(file), file.open("rb") as stream:
        content = stream.read(MAX_METADATA + 1)
        if len(content) > MAX_METADATA:
            raise InputError(f"{file}: more than {MAX_METADATA:,} bytes, too large for array metadata")
        found = json.loads(content)
        if not isinstance(found, dict):
            raise InputError(f"{file}: not array metadata")
        return found
