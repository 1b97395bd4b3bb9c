"""Volumes made worse on purpose, for studies: blur, brightness, noise, and labels for a part of the nuclei alone.

Noise is drawn once for a volume, by a seed, its name and its image: it is the same whatever else is prepared.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables.data import Degrade, Split
from auxcpvloss.config.write import inline
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

OFF: dict[str, Any] = {
    "gaussian": 0.0,
    "gaussian_length": 1,
    "poisson": 0.0,
    "blur": 0.0,
    "brightness": 1.0,
    "clip": False,
    "splits": ["train", "val", "test"],
    "labels": 1.0,
    "label_splits": ["train", "val"],
    "seed": 0,
}
"""Values of the keys of [data.degrade] that leave volumes as they are."""
OF_IMAGES = ("gaussian", "poisson", "blur", "brightness")
"""Keys that change images, if they are not `OFF`."""
MOST_PHOTONS = 1e15
"""Largest expected number of photons of a voxel; their noise is far below the rounding of single precision."""


class Degraded(NamedTuple):
    """An image made worse, and the same without noise and blur; None where it is without them anyway."""

    image: NDArray[Any]
    clean: NDArray[Any] | None


def of_split(table: Degrade, split: str) -> Degrade | None:
    """Give what is done to the volumes of a split of the data; None where nothing is."""
    off: dict[str, Any] = {}
    if split not in table.splits:
        off |= {key: OFF[key] for key in OF_IMAGES}
    if split not in table.label_splits:
        off["labels"] = 1.0
    found = table.model_copy(update=off)
    return found if record_of(found) else None


def record_of(degrade: Degrade | None) -> dict[str, Any]:
    """List the keys on which a volume depends that is made worse in this way, as records have them."""
    if degrade is None:
        return {}
    keys = [key for key in OF_IMAGES if getattr(degrade, key) != OFF[key]]
    is_random = {"gaussian", "poisson"} & set(keys) or degrade.labels < 1
    keys += ["gaussian_length"] * ("gaussian" in keys and degrade.gaussian_length != OFF["gaussian_length"])
    keys += ["clip"] * (degrade.clip and bool(keys)) + ["labels"] * (degrade.labels < 1)
    keys += ["seed"] * (bool(is_random) and degrade.seed != OFF["seed"])
    return {f"data.degrade.{key}": getattr(degrade, key) for key in keys}


def check_degrade(degrade: Degrade | None, raw: NDArray[Any], origin: str) -> None:
    """Refuse an image of which no photons can be drawn, or nothing is left.

    Raises
    ------
    InputError
        It has intensities below 0, or too many photons for numpy; or all voxels become the same.
    """
    if degrade is None:
        return
    low, high = (float(value) * degrade.brightness for value in (raw.min(), raw.max()))
    is_rounded = degrade.clip and raw.dtype.kind in "iu"
    if is_rounded and round(low) == round(high) and not degrade.gaussian and not degrade.poisson:
        raise InputError(
            f"{origin}: data.degrade.brightness = {degrade.brightness:g} makes all voxels {round(high)}; use a larger "
            "number, or data.degrade.clip = false"
        )
    if not degrade.poisson:
        return
    if low >= 0 and float(raw.sum(dtype=np.float64)) * degrade.poisson * degrade.brightness < 1:
        raise InputError(
            f"{origin}: data.degrade.poisson = {degrade.poisson:g}: less than one photon in the whole image; use a "
            "larger number"
        )
    if low < 0:
        raise InputError(
            f"{origin}: intensities down to {float(raw.min()):g}, but data.degrade.poisson counts photons, of which "
            "there are 0 or more; use data.degrade.gaussian, or store the image without an offset"
        )
    if float(raw.max()) * degrade.poisson * degrade.brightness > MOST_PHOTONS:
        raise InputError(
            f"{origin}: data.degrade.poisson: more than {MOST_PHOTONS:g} photons in a voxel (its intensity times the "
            "key); use a smaller number, or none"
        )


def degraded(
    raw: NDArray[Any], degrade: Degrade, name: str, checksum: str, voxel_size: tuple[float, float, float]
) -> Degraded:
    """Make an image worse: first its brightness, then blur, then Poisson noise, then Gaussian noise.

    Parameters
    ----------
    raw : (Z, Y, X) array
        As it is stored.
    degrade : Degrade
    name, checksum : str
        Of the volume and of the values of its image: with the seed they decide on the noise.
    voxel_size : (z, y, x)
        The blur is equally wide in space along all axes.

    Returns
    -------
    Degraded
        Of float32; of the type of the image if ``degrade.clip``, and if that is of integers.
    """
    clean = raw.astype(np.float32) * np.float32(degrade.brightness)
    image = clean
    if degrade.blur:
        sigma = degrade.blur * min(voxel_size) / np.array(voxel_size)
        # Of a single plane the next one is not known.
        axes = [axis for axis, size in enumerate(raw.shape) if size > 1]
        image = ndimage.gaussian_filter(image, sigma[axes], mode="nearest", axes=axes)
    parts = [image]
    if degrade.poisson:
        rng = _rng("poisson", degrade.seed, name, checksum)
        parts = [(rng.poisson(plane * degrade.poisson) / degrade.poisson)[np.newaxis] for plane in image]
    image = np.concatenate(parts).astype(np.float32)
    if degrade.gaussian:
        rng = _rng("gaussian", degrade.seed, name, checksum)
        # Of half the noise the same realisation; plane by plane, to need no second volume.
        for plane in image:
            plane += np.float32(degrade.gaussian) * _noise(rng, plane.shape, degrade.gaussian_length)
    worse = bool(degrade.blur or degrade.poisson or degrade.gaussian)
    return Degraded(_clipped(image, raw.dtype, degrade), _clipped(clean, raw.dtype, degrade) if worse else None)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], length: int) -> NDArray[np.float32]:
    """Draw (Y, X) noise of standard deviation 1, each value the scaled sum of `length` independent ones along x."""
    y, x = shape
    drawn = rng.standard_normal((y, x + length - 1), np.float32)
    return np.lib.stride_tricks.sliding_window_view(drawn, length, axis=1).sum(axis=2) / np.float32(length**0.5)


def in_words(table: Degrade) -> Iterator[str]:
    """Say what is done to which splits, such as "train, val: data.degrade.gaussian = 40"."""
    done: dict[str, list[str]] = {}
    for split in get_args(Split):
        keys = record_of(of_split(table, split))
        if keys:
            done.setdefault(", ".join(f"{key} = {inline(value)}" for key, value in keys.items()), []).append(split)
    for keys_in_words, splits in done.items():
        yield f"{', '.join(splits)} volumes made worse on purpose: {keys_in_words}"


def _clipped(image: NDArray[np.float32], dtype: np.dtype[Any], degrade: Degrade) -> NDArray[Any]:
    """Give intensities as a camera stores them, if they were integers."""
    if not degrade.clip or dtype.kind not in "iu":
        return image
    limits = np.iinfo(dtype)
    # Single precision cannot hold the largest numbers of 32 bits.
    return np.clip(np.rint(image.astype(np.float64)), limits.min, limits.max).astype(dtype)


def _rng(kind: str, seed: int, name: str, checksum: str) -> np.random.Generator:
    digest = sha256(f"{kind}/{seed}/{name}/{checksum}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest))
