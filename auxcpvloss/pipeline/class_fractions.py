"""How frequent classes are in the training volumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.samples import Sample
from auxcpvloss.methods.instance_geometry import known
from auxcpvloss.methods.method import SIGMOID, SOFTMAX, UNKNOWN, FromRaw, Head, Part

BLOCK = 256
"""Sides, in voxels, of the parts of a volume that are read at a time."""


def class_fractions(samples: Sequence[Sample], heads: Sequence[Head]) -> dict[str, list[float]]:
    """Count the voxels of each class in whole volumes, as far as they are annotated, without augmentation.

    Returns
    -------
    dict
        For each head that tells classes apart the fractions of its classes, or, of two classes a channel, those of the
        positive one. Of all volumes together, so that a large one counts more.
    """
    counts = {head.name: np.zeros((2, head.channels)) for head in heads if head.loss in (SOFTMAX, SIGMOID)}
    for sample in samples:
        for head in heads:
            if head.name in counts:
                counts[head.name] += sum(_counted(head, *block) for block in _blocks(sample, head.context))
    return {name: (of / np.maximum(voxels, 1)).tolist() for name, (of, voxels) in counts.items()}


def _counted(head: Head, labels: NDArray[np.uint32], inner: Part) -> NDArray[np.int64]:
    """Count in the inner part of a block: (2, C), voxels of the class, or of the positive one, and all known voxels."""
    assert not isinstance(head.target, FromRaw)
    target, is_known = head.target(labels, inner), known(labels[inner])
    if head.loss == SOFTMAX:
        of = np.bincount(target[0][is_known], minlength=head.channels)
        return np.stack([of, np.full(head.channels, of.sum())])
    values = target[:, is_known]
    return np.stack([(values == 1).sum(axis=1), (values < UNKNOWN).sum(axis=1)])


def _blocks(sample: Sample, context: int) -> Iterator[tuple[NDArray[np.uint32], Part]]:
    """Cut the ground truth of a volume into parts, with what is around each, and give where the part is in that."""
    assert sample.truth is not None
    for begin in product(*(range(0, size, BLOCK) for size in sample.shape)):
        first = [max(0, b - context) for b in begin]
        last = [min(size, b + BLOCK + context) for b, size in zip(begin, sample.shape, strict=True)]
        labels = sample.truth[tuple(map(slice, first, last))]
        ends = zip(begin, first, sample.shape, strict=True)
        z, y, x = (slice(b - f, min(b + BLOCK, size) - f) for b, f, size in ends)
        yield labels, (z, y, x)
