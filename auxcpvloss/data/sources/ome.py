"""OME-XML: which planes make up an image, and in which files they lie.

Own code, since tifffile opens whatever files the metadata name, and makes a list as long as they say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from auxcpvloss.data.sources.length_units import in_one_unit
from auxcpvloss.data.sources.source import Vector
from auxcpvloss.data.untrusted.reading import MAX_METADATA
from auxcpvloss.system.errors import InputError

DEFAULT_UNIT = "µm"


class Reference(NamedTuple):
    """A file in which planes lie, as metadata name it; the UUID may be empty."""

    name: str
    uuid: str


class Block(NamedTuple):
    """Planes that follow each other in a file: that of the metadata itself where `file` is None.

    `first` is the number of the first of them in the image, `page` that in the file; without a number they are all.
    """

    first: int
    page: int
    planes: int | None
    file: Reference | None


class Pixels(NamedTuple):
    """An image: the axes of more than one plane, of T, C, Z, along which its planes are numbered; where they lie."""

    axes: str
    sizes: tuple[int, ...]
    blocks: tuple[Block, ...]
    voxel_size: Vector | None

    @property
    def references(self) -> list[Reference | None]:
        """The files in which its planes lie, that of the first plane first."""
        return list(dict.fromkeys(block.file for block in sorted(self.blocks, key=lambda block: block.first)))


class Ome(NamedTuple):
    """What the metadata of a file describe: images, or the file that describes them."""

    images: tuple[Pixels, ...]
    elsewhere: str = ""


def parse(origin: object, text: str) -> Ome:
    """Read OME-XML.

    Raises
    ------
    InputError
        It is larger than any metadata, or samples of a pixel cannot be told from channels.
    Exception
        Whatever the parser raises on text that is no OME-XML.
    """
    if len(text) > MAX_METADATA:
        raise InputError(f"{origin}: more than {MAX_METADATA:,} bytes of OME metadata")
    root = ElementTree.fromstring(text)
    if any("ModuloAlong" in element.tag for element in root.iter()):
        raise InputError(f"{origin}: its planes are of more than Z, C and T (ModuloAlong in its OME metadata)")
    binary = root.find("{*}BinaryOnly")
    elsewhere = "" if binary is None else binary.get("MetadataFile", "")
    return Ome(tuple(_pixels(each) for each in root.iterfind("{*}Image/{*}Pixels")), elsewhere)


def _pixels(element: ElementTree.Element) -> Pixels:
    order = element.attrib["DimensionOrder"]
    if order[:2] != "XY" or sorted(order[2:]) != ["C", "T", "Z"]:
        raise ValueError(f"DimensionOrder {order!r}")
    axes = order[:1:-1]
    channel = element.find("{*}Channel")
    # Samples of a pixel, as in colour images, lie in one plane.
    samples = 1 if channel is None else int(channel.get("SamplesPerPixel", 1))
    sizes = tuple(int(element.attrib[f"Size{axis}"]) // (samples if axis == "C" else 1) for axis in axes)
    if min(sizes) < 1:
        raise ValueError(f"Size{axes} {sizes}")
    blocks = tuple(_blocks(element, axes, sizes)) or (Block(0, 0, None, None),)
    kept = [number for number, size in enumerate(sizes) if size > 1]
    axes, sizes = "".join(axes[number] for number in kept), tuple(sizes[number] for number in kept)
    return Pixels(axes, sizes, blocks, _voxel_size(element))


def _blocks(element: ElementTree.Element, axes: str, sizes: tuple[int, ...]) -> Iterator[Block]:
    for data in element.iterfind("{*}TiffData"):
        place = [int(data.get(f"First{axis}", 0)) for axis in axes]
        # ImageJ leaves such entries when it crops.
        if any(not 0 <= first < size for first, size in zip(place, sizes, strict=True)):
            continue
        first = sum(at * math.prod(sizes[axis + 1 :]) for axis, at in enumerate(place))
        count = data.get("PlaneCount", data.get("NumPlanes", "1" if "IFD" in data.attrib else None))
        uuid = data.find("{*}UUID")
        file = None if uuid is None else Reference(uuid.get("FileName", ""), (uuid.text or "").strip())
        page, planes = int(data.get("IFD", 0)), None if count is None else int(count)
        if min(page, planes or 0) < 0:
            raise ValueError(f"TiffData {data.attrib}")
        yield Block(first, page, planes, file)


def _voxel_size(pixels: ElementTree.Element) -> Vector | None:
    # A plane has no depth to record; it is taken to be that along y.
    axes = "YYX" if pixels.get("SizeZ") == "1" and pixels.get("PhysicalSizeZ") is None else "ZYX"
    units = [pixels.get(f"PhysicalSize{axis}Unit", DEFAULT_UNIT) for axis in axes]
    sizes = in_one_unit([float(pixels.get(f"PhysicalSize{axis}", "nan")) for axis in axes], units)
    if sizes is None or not all(math.isfinite(size) and size > 0 for size in sizes):
        return None
    z, y, x = sizes
    return z, y, x
