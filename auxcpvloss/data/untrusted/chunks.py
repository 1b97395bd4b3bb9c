"""Compressed chunks of arrays: a few bytes in a file can become gigabytes, whatever the array says of itself.

The libraries decompress a chunk whole before they compare its size with that of the array. Here it is compared first:
by the header where the codec has one, else by decompressing piece by piece, keeping nothing.
"""

from __future__ import annotations

import bz2
import lzma
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.shards import Shards
from auxcpvloss.system.errors import InputError

PIECE = 2**20  # bytes that are decompressed at once
DICTIONARY = 2**28  # bytes that LZMA may keep in memory
SLACK = 2**16  # bytes that a stored chunk may have on top: headers, checksums
# Reading takes some microseconds for each chunk, also for those that are not stored.
MANY_CHUNKS, MOST_CHUNKS = 10**5, 10**6
SMALL_CHUNK = 4096  # voxels; of smaller chunks there must not be many
CHUNK = re.compile(r"(c[./])?\d+([./]\d+)*")

STREAMS: dict[str, Callable[[], Any]] = {
    "zlib": zlib.decompressobj,
    "gzip": lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 16),
    "bz2": bz2.BZ2Decompressor,
    "lzma": lambda: lzma.LZMADecompressor(memlimit=DICTIONARY),
}
"""Codecs, by their zarr names, whose data do not reliably state their decompressed size."""


def _zstd_size(data: bytes) -> int:
    """Size in the header of a frame (RFC 8878, 3.1.1.1)."""
    magic, descriptor = struct.unpack_from("<IB", data)
    single, width = descriptor >> 5 & 1, descriptor >> 6
    if magic != 0xFD2FB528 or not (width or single):
        raise ValueError("not zstd data that state their decompressed size")
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3]
    return int(struct.unpack_from(("<B", "<H", "<I", "<Q")[width], data, start)[0]) + (256 if width == 1 else 0)


HEADERS: dict[str, Callable[[bytes], int]] = {
    "raw": len,
    "blosc": lambda data: int(struct.unpack_from("<I", data, 4)[0]),
    "lz4": lambda data: int(struct.unpack_from("<I", data)[0]),
    "zstd": _zstd_size,
}
CODECS = (*STREAMS, *HEADERS)
FILTERS = ("delta", "shuffle", "fixedscaleoffset", "quantize", "bitround", "astype", "crc32", "adler32", "fletcher32")
"""Filters of zarr that map numbers to numbers; others create objects by running stored code (pickle)."""


@dataclass(frozen=True)
class Layout:
    """How an array is stored in a folder, as its metadata say.

    Codec and filters are those of the chunks, as zarr calls them; before each there may be a header with its shape, as
    in N5, and behind each a trailer of so many bytes. In zarr 3 a file may be a shard of many chunks.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    codec: str
    filters: tuple[str, ...] = ()
    has_header: bool = False
    trailer: int = 0
    shards: Shards | None = None


def check_layout(origin: str, layout: Layout) -> None:
    """Refuse an array not of numbers, or stored in an unknown way: to open one of objects may run what it holds.

    Also one of which a chunk does not fit into memory, or that has too many of them: see `check_chunks`.
    """
    check_declared(origin, layout.shape, layout.dtype)
    for what, names, known in (("compression", [layout.codec], CODECS), ("filter", layout.filters, FILTERS)):
        for name in names:
            if name not in known:
                raise InputError(f"{origin}: stored with the {what} {name!r}; supported are {', '.join(known)}")
    check_chunks(origin, layout.shape, layout.chunks, layout.dtype)
    if layout.shards:
        check_chunks(f"{origin}: a shard", layout.shards.shape, layout.chunks, layout.dtype)


def check_chunks(origin: str, shape: Sequence[int], chunks: Sequence[int], dtype: Any) -> None:
    """Refuse an array of which a chunk does not fit into memory, or that has too many of them."""
    check_declared(f"{origin}: its chunks", chunks, dtype)
    if len(chunks) != len(shape) or min(chunks, default=1) < 1:
        raise InputError(f"{origin}: chunks of {list(chunks)} in an array of {list(shape)}")
    count = math.prod(-(-size // chunk) for size, chunk in zip(shape, chunks, strict=True))
    size = math.prod(map(min, shape, chunks))
    most = MOST_CHUNKS if size >= SMALL_CHUNK else MANY_CHUNKS
    if count > most:
        raise InputError(
            f"{origin}: {count:,} chunks of {' x '.join(map(str, chunks))} voxels, more than {most:,}; store the array "
            "with larger chunks"
        )


def check_folder(origin: str, folder: Path, layout: Layout) -> None:
    """Refuse an array of which a stored chunk expands beyond its size.

    Raises
    ------
    InputError
        Names the array, and the chunk.
    """
    # Filters may keep smaller numbers in larger ones.
    limit = math.prod(layout.chunks) * max(8, layout.dtype.itemsize) + SLACK
    for name, file in _chunk_files(origin, folder):
        try:
            _check_file(file, layout, limit)
        except (ValueError, EOFError, struct.error, zlib.error, lzma.LZMAError, OSError) as error:
            raise InputError(f"{origin}: cannot be read: chunk {name}: {error}") from None


def stored_chunks(origin: str, folder: Path, layout: Layout) -> NDArray[np.bool_]:
    """Which chunks have a file, of as many along each axis as there are."""
    grid = np.zeros([-(-size // chunk) for size, chunk in zip(layout.shape, layout.chunks, strict=True)], bool)
    for name, file in _chunk_files(origin, folder):
        place = tuple(map(int, re.findall(r"\d+", name)))[:: -1 if layout.has_header else 1]
        for found in _chunks_of(place, file, layout) if len(place) == grid.ndim else ():
            if all(at < count for at, count in zip(found, grid.shape, strict=True)):
                grid[found] = True
    return grid


def _chunks_of(place: tuple[int, ...], file: Path, layout: Layout) -> Iterator[tuple[int, ...]]:
    """Give the places of the chunks in a file."""
    if layout.shards is None:
        yield place
        return
    counts = layout.shards.counts(layout.chunks)
    for inner, _, _ in layout.shards.entries(file, layout.chunks):
        yield tuple(at * count + n for at, count, n in zip(place, counts, inner, strict=True))


def _chunk_files(origin: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """List the files of chunks by name; none may be a link, which would lead out of the folder, or a pipe."""
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if CHUNK.fullmatch(name):
            if file.is_symlink() or not (file.is_file() or file.is_dir()):
                raise InputError(f"{origin}: chunk {name} is a link or no file; replace it with the file itself")
            if file.is_file():
                yield name, file


def check_chunk(data: bytes, codec: str, limit: int) -> None:
    """Refuse a chunk that would decompress to more than `limit` bytes.

    Of codecs that say the size at the beginning, that much of the data suffices.

    Raises
    ------
    ValueError
        It is larger.
    zlib.error, lzma.LZMAError, OSError, struct.error
        It is damaged.
    """
    size = _streamed(data, codec, limit) if codec in STREAMS else HEADERS[codec](data)
    if size > limit:
        raise ValueError(f"it expands to more than {limit:,} bytes, the size of a chunk; do not trust this file")


def _check_file(file: Path, layout: Layout, limit: int) -> None:
    if layout.shards is None:
        with file.open("rb") as stored:
            _check_part(stored, 0, file.stat().st_size, layout, limit)
        return
    entries = list(layout.shards.entries(file, layout.chunks))
    with file.open("rb") as stored:
        for _, offset, size in entries:
            _check_part(stored, offset, size, layout, limit)


def _check_part(stored: BinaryIO, offset: int, size: int, layout: Layout, limit: int) -> None:
    """Refuse a chunk, a file or a part of one, that is larger than it should be, or expands to more."""
    if size > limit:
        raise ValueError(f"{size:,} bytes, more than the {limit:,} bytes of a chunk")
    stored.seek(offset)
    if layout.has_header:
        mode, axes = struct.unpack(">HH", stored.read(4))
        stored.seek(4 * axes + (4 if mode else 0), 1)
    # For a header no more than that needs to be read.
    length = offset + size - layout.trailer - stored.tell() if layout.codec in STREAMS else 32
    check_chunk(stored.read(max(0, length)), layout.codec, limit)


def _streamed(data: bytes, codec: str, limit: int) -> int:
    """Count the bytes of decompressed data, up to the first piece beyond the limit."""
    size = 0
    while data and size <= limit:
        stream = STREAMS[codec]()
        piece = stream.decompress(data, PIECE)
        while piece and size <= limit:
            size += len(piece)
            piece = b"" if stream.eof else stream.decompress(getattr(stream, "unconsumed_tail", b""), PIECE)
        # All but zlib go on with what follows, as one file.
        data = b"" if codec == "zlib" else stream.unused_data
    return size
