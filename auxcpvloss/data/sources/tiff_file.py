"""Open a TIFF, and look at how it describes itself."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from logging.handlers import BufferingHandler
from typing import IO, TYPE_CHECKING, NamedTuple

from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File, ZipMember
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily
from auxcpvloss.system.remembered import remembered

if TYPE_CHECKING:
    import tifffile
else:
    tifffile = lazily("tifffile")

UUID = re.compile(r"<(?:\w+:)?OME\b[^>]*\bUUID\s*=\s*[\"']([^\"']*)")


class Head(NamedTuple):
    """What the first page of a TIFF says: whether it has OME metadata, its UUID, and whether they name any files."""

    is_ome: bool = False
    uuid: str = ""
    names_files: bool = False


@contextmanager
def opened(file: File) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF; what tifffile only logs, such as planes that are cut off, ends as an `InputError`."""
    with _opened(file, lambda: file.open("rb")) as tiff:
        yield tiff


def head(file: File) -> Head:
    """Look at the first page of a TIFF, once, unless it changes; what cannot be read says nothing."""
    try:
        return remembered(_head, {"": file})
    except (InputError, OSError):
        return Head()


def _head(files: Mapping[str, File]) -> Head:
    file = files[""]
    # A file in a zip is not read whole for that, nor to find its size.
    content, size = (file.stream, file.size) if isinstance(file, ZipMember) else (lambda: file.open("rb"), None)
    with _opened(file, content, size) as tiff:
        text = tiff.ome_metadata or ""
    uuid = UUID.search(text)
    return Head(bool(text), uuid[1] if uuid else "", "FileName" in text or "BinaryOnly" in text)


@contextmanager
def _opened(
    file: File, content: Callable[[], AbstractContextManager[IO[bytes]]], size: int | None = None
) -> Iterator[tifffile.TiffFile]:
    complaints = BufferingHandler(sys.maxsize)
    complaints.setLevel(logging.ERROR)
    logger = logging.getLogger("tifffile")
    logger.addHandler(complaints)
    try:
        with reading(file), content() as stream, tifffile.TiffFile(stream, size=size) as tiff:
            yield tiff
    finally:
        logger.removeHandler(complaints)
        # Also in place of an error: that an axis is missing, say, is but the consequence.
        if complaints.buffer:
            raise InputError(
                f"{file}: damaged or incomplete; copy the file again, or save it with another program "
                f"({complaints.buffer[0].getMessage()})"
            )
