"""Which axes a stored array has, and the volume Z, Y, X of one channel in it.

Axes are letters: Z, Y and X; C or S for channels; T for time; Q or I where the file does not name them. Other letters
are axes that no volume has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.system.errors import InputError

VOLUME, CHANNELS, UNNAMED = "ZYX", "CS", "QI"
COLORS = 3
"""Red, green and blue; what follows them is transparency."""
DROPPED = "-"
"""Stands for an axis of length 1."""


@dataclass(frozen=True)
class Cut:
    """Where the volume lies in an array.

    Attributes
    ----------
    index : tuple of int or slice
        What to read of the array: all of z, y, x, and one place along every other axis.
    order : tuple of int
        Axes Y, X, or Z, Y, X, among those that are left.
    """

    index: tuple[int | slice, ...]
    order: tuple[int, ...]

    def of(self, array: Any) -> NDArray[Any]:
        """Read the volume (Z, Y, X), and no other channel; the array can be one that is not read yet."""
        return self.placed(array[self.index])

    def placed(self, data: NDArray[Any]) -> NDArray[Any]:
        """Bring what was read, by `index`, into the order Z, Y, X."""
        data = data.transpose(self.order)
        return data.reshape((1, *data.shape)[-3:])

    def of_chunks(self, array: NDArray[Any], chunks: Sequence[int]) -> NDArray[Any]:
        """Give the part that the volume has in an array of one value a chunk."""
        places = zip(self.index, chunks, strict=True)
        index = tuple(place if isinstance(place, slice) else place // chunk for place, chunk in places)
        return Cut(index, self.order).of(array)

    def volume_of(self, chunks: Sequence[int]) -> tuple[int, int, int]:
        """Give the shape of a chunk along z, y, x."""
        kept = [chunk for place, chunk in zip(self.index, chunks, strict=True) if isinstance(place, slice)]
        z, y, x = (1, *(kept[place] for place in self.order))[-3:]
        return z, y, x


@dataclass(frozen=True)
class Axes:
    """What the configuration says about the axes of arrays: `data.axes` and `data.channel`.

    `names` are those of all arrays with so many axes, whatever their files say. Arrays with fewer, such as masks, lack
    the channels. Empty: what the files say.
    """

    names: str = ""
    channel: int = -1

    @classmethod
    def of(cls, data: Data) -> Axes:
        """Take them from [data]."""
        return cls(data.axes, data.channel)

    def cut(self, origin: object, shape: Sequence[int], names: str = "") -> Cut:
        """Find the volume in an array.

        Parameters
        ----------
        origin : object
            Name of the array, for messages.
        shape : sequence of int
        names : str
            A letter an axis, as the file names them; empty where it names none.

        Raises
        ------
        InputError
            The array has an axis that no volume has, of more than one voxel, or several channels, and none is chosen.
        """
        if not shape:
            raise InputError(f"{origin}: a single value, or nothing; expected an array with the axes Z, Y, X")
        names = names.upper() or UNNAMED[0] * len(shape)
        chosen = self._configured(origin, shape, names) if self.names else names
        found = _assigned(shape, chosen)
        channels = [place for place, name in enumerate(found) if name in CHANNELS]
        others = set(found) - set(VOLUME + CHANNELS + DROPPED) or any(found.count(name) > 1 for name in VOLUME)
        number = shape[channels[0]] if channels else 0
        if others or len(channels) > 1 or not {"Y", "X"} <= set(found) or (channels and self.channel < 0):
            raise InputError(f"{_described(origin, shape, chosen)}; {_remedy(found, number)}")
        if channels and self.channel >= number:
            raise InputError(
                f"{_described(origin, shape, chosen)}; data.channel = {self.channel} is not one of its {number} "
                "channels, which are counted from 0"
            )
        index = tuple(
            slice(None) if name in VOLUME else self.channel if name in CHANNELS else 0 for name in found
        )  # fmt: skip
        kept = [name for name in found if name in VOLUME]
        return Cut(index, tuple(kept.index(name) for name in VOLUME if name in kept))

    def _configured(self, origin: object, shape: Sequence[int], names: str) -> str:
        """Name the axes as `data.axes` does; `names` are those of the file."""
        without_channels = "".join(name for name in self.names if name in VOLUME)
        for wanted in (self.names, without_channels, without_channels.replace("Z", "")):
            left = _without_short(shape, names, len(wanted))
            there = {names[place] for place in left}
            if wanted != self.names and there <= set(self.names):
                # Fewer axes than configured, all of which the file names: one of length 1 was left out.
                return "".join(name if place in left else DROPPED for place, name in enumerate(names))
            # Channels that the file names are not planes because the configuration has one axis more.
            if len(left) == len(wanted) and (wanted == self.names or there <= set(VOLUME + UNNAMED)):
                given = dict(zip(left, wanted, strict=True))
                return "".join(given.get(place, DROPPED) for place in range(len(shape)))
        raise InputError(f"{_described(origin, shape, names)}; they do not fit data.axes = {self.names!r}")


def check_gray(origin: object, array: NDArray[Any], names: str) -> None:
    """Refuse a mask in colors, of which no channel tells all nuclei from each other; `names` are those of its axes."""
    if "S" not in names.upper():
        return
    colors = np.moveaxis(array, names.upper().index("S"), 0)[:COLORS]
    if (colors != colors[0]).any():
        raise InputError(
            f"{origin}: a mask in colors; expected one number a voxel, a different one for each instance, 0 for "
            "background: export the labels, not a picture of them"
        )


def _without_short(shape: Sequence[int], names: str, number: int) -> list[int]:
    """Leave out axes of length 1 until so many are left: first those that are not Z, Y or X."""
    left = list(range(len(shape)))
    short = sorted((place for place in left if shape[place] == 1), key=lambda place: names[place] in VOLUME)
    for place in short[: max(0, len(left) - number)]:
        left.remove(place)
    return left


def _assigned(shape: Sequence[int], names: str) -> str:
    """Replace what is not named by Z, Y, X, the last by the last, and other axes of length 1 by `DROPPED`."""
    found = [
        DROPPED if size == 1 and name not in VOLUME + UNNAMED else name for size, name in zip(shape, names, strict=True)
    ]
    lacking = [name for name in VOLUME if name not in found]
    unnamed = [place for place, name in enumerate(found) if name in UNNAMED]
    for place in list(unnamed):
        if shape[place] == 1 and len(unnamed) > len(lacking):
            found[place] = DROPPED
            unnamed.remove(place)
    if len(unnamed) <= len(lacking):
        for place, name in zip(reversed(unnamed), reversed(lacking), strict=False):
            found[place] = name
    return "".join(found)


def _described(origin: object, shape: Sequence[int], names: str) -> str:
    shown = ", ".join("?" if name in UNNAMED else name for name in names)
    legend = {"C": "C: channels", "S": "S: channels", "T": "T: time", "?": "?: not named"}
    known = ", ".join(meaning for name, meaning in legend.items() if name in shown)
    voxels = " x ".join(map(str, shape))
    return f"{origin}: {len(shape)} axes, {shown}, of {voxels} voxels" + (f" ({known})" if known else "")


def _remedy(found: str, channels: int) -> str:
    """Say what was expected, and what to do."""
    expected = "expected one volume of one channel, with the axes Z, Y, X, or Y, X"
    remedies = []
    if channels:
        remedies.append(f"set data.channel (0 to {channels - 1}) to take one channel")
    if "T" in found:
        remedies.append("store each time point (T) in a file of its own")
    if set(found) & set(UNNAMED):
        remedies.append('name the axes with data.axes, for example "CZYX"')
    elif found.endswith("YX") and "Z" not in found and len(found.replace(DROPPED, "")) == len(VOLUME):
        remedies.append('set data.axes = "ZYX" if these are the planes of a volume')
    return f"{expected}. To use this file, {', or '.join(remedies) or 'store the volume alone'}"
