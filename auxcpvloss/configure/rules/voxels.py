"""Which voxels the network sees: those of the files, unless nuclei are too large or too thin in them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from auxcpvloss.config.units import Vector
from auxcpvloss.configure import recipe
from auxcpvloss.configure.decision import Decision
from auxcpvloss.configure.facts import Facts, axes, lengths


def target_voxels(facts: Facts, device: str) -> tuple[Vector, str]:
    """Give the voxels to resample to, and why; those of the files and "" where they are good.

    Smaller ones where an erosion by one voxel leaves nothing of too many nuclei; larger ones where nuclei of images are
    wide, or where two nuclei of volumes side by side do not fit into a patch that trains fast on this kind of device,
    "cpu" or "gpu"; the median where they differ.
    """
    scale = _scale(facts, device)
    finer = [min(1.0, extent / recipe.LEAST_EXTENT) for extent in facts.extent]
    # Where nuclei are long enough, but many have nothing inside, those are splinters.
    if not facts.are_points and facts.interior < recipe.LEAST_INTERIOR and min(axes(finer, facts.ndim)) < 1:
        why = (
            f"only {facts.interior:.0%} of the nuclei have voxels inside their boundary: smaller voxels, so that the "
            f"median nucleus extends over at least {recipe.LEAST_EXTENT:g}"
        )
        return _times(facts, finer), why
    if scale > 1:
        why = (
            f"the median nucleus extends over {lengths(facts.extent, facts.ndim)} voxels: {scale:.2g} times larger, "
            "so that more nuclei and their surroundings are seen in the same time. Results are given in the voxels of "
            "the files"
        )
        return _times(facts, [scale] * 3), why
    if facts.is_mixed:
        return facts.voxel_size, "the voxels of the training volumes differ; these are the median"
    return facts.voxel_size, ""


def in_target_voxels(facts: Facts, size: Vector) -> Facts:
    """Give the facts in other voxels."""
    ratios = [before / after for before, after in zip(facts.voxel_size, size, strict=True)]
    z, y, x = (max(1, int(length * ratio + 0.01)) for length, ratio in zip(facts.shape, ratios, strict=True))
    return replace(
        facts,
        voxel_size=size,
        shape=(z, y, x),
        extent=_vector([max(1.0, extent * ratio) for extent, ratio in zip(facts.extent, ratios, strict=True)]),
    )


def resampling(facts: Facts, device: str) -> Iterator[Decision]:
    """Decide data.target_voxel_size."""
    size, why = target_voxels(facts, device)
    if why:
        yield Decision("data.target_voxel_size", [float(f"{side:.4g}") for side in axes(size, facts.ndim)], why)


def _scale(facts: Facts, device: str) -> float:
    """How much larger voxels have to be for nuclei of the size that is learned best in the time there is; 1 if they do.

    In images median nuclei get the extent `recipe.IMAGE_EXTENT`; in volumes two of them fit into a batch.
    """
    extents = axes(facts.extent, facts.ndim)
    if facts.ndim == 2:
        scale = math.prod(extents) ** (1 / 2) / recipe.IMAGE_EXTENT
        return scale if scale > recipe.LEAST_REDUCTION else 1.0
    smallest = math.prod(recipe.EXTENTS * extent for extent in extents)
    most = recipe.VOXELS[device, facts.ndim]
    return float((smallest / most) ** (1 / facts.ndim)) if smallest > recipe.TOO_LARGE * most else 1.0


def _times(facts: Facts, factors: list[float]) -> Vector:
    sides = [side * factor for side, factor in zip(facts.voxel_size, factors, strict=True)]
    # An image has one plane, whatever its depth.
    return _vector(sides if facts.ndim == 3 else [facts.voxel_size[0], *sides[1:]])


def _vector(sides: list[float]) -> Vector:
    z, y, x = sides
    return z, y, x
