"""Errors of the libraries that read files, as messages for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from auxcpvloss.errors import InputError


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
            f"{origin}: cannot be read, it may be damaged or incomplete ({type(error).__name__}: {error})"
        ) from error
