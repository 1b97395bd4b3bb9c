"""The numbers of the rules by which ``configure`` decides. Change a recipe here.

Those without a source were found by trainings on the mouse embryos of BBBC050. docs/configure.md explains the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What is measured.
MOST_VOLUMES = 64
"""Training volumes that are looked at; of more, some at equal distances in the list."""

# The method.
SEGMENTATION, DETECTION = "threeclass_cpv", "gauss"
METRIC = "confusion_matrix.avAP"
"""What makes a checkpoint the best, for instances."""
VECTORS = 20.0
"""Voxels of the median extent (root of the mean square over axes) up to which vectors have weight 1 in the loss. Longer
ones would have all of the gradient: the loss is their square."""

# Voxels.
ALIKE = 0.1
"""Sizes of voxels that differ by less, relatively, are the same to a network."""
LEAST_INTERIOR = 0.8
"""Part of the nuclei of which something has to be left inside of their boundary."""
LEAST_EXTENT = 6.0
"""Voxels along each axis of the median nucleus, if not: one of boundary on either side, and four inside."""

IMAGE_EXTENT, LEAST_REDUCTION = 32.0, 1.5
"""Pixels over which the median nucleus of images extends at most, if the reduction to that is by this factor or more:
in the same time, more nuclei are seen, and more of what surrounds them (docs/results.md, U2OS cells)."""

# The network.
FIELD = 1.5
"""Receptive field in median extents of a nucleus: a voxel sees its nucleus and where the next one begins."""
LEVELS = {2: (2, 5), 3: (2, 4)}
"""Poolings at least and at most, by number of axes."""
MAPS = {2: 16, 3: 10}
"""Feature maps of the first level."""
GROWTH, SLOW_GROWTH, FAST_LEVELS = 3, 2, 2
"""Factor by which they grow per level; the slow one where there are more poolings than `FAST_LEVELS`."""
PADDING = "same"

# The patches.
VOXELS = {("cpu", 2): 2**16, ("cpu", 3): 2**17, ("gpu", 2): 2**18, ("gpu", 3): 2**20}
"""Voxels of a batch, by machine and number of axes."""
SIDE = {"cpu": 128, "gpu": 256}
"""Pixels along an axis of a patch of an image, unless nuclei are large."""
EXTENTS = 2.0
"""Patch in median extents of a nucleus, at least."""
TOO_LARGE = 2.0
"""Times the voxels of a batch that such a patch may have; else the voxels are made larger."""
STEP = 8
"""Sizes of patches are multiples of it where they can be: vector units like them."""
MOST_PATCHES = 16
"""Patches of a batch."""

# Intensities.
CONTRAST = 0.25
"""Distance of the median nucleus from the background, on the scale of 0 to 1, that is enough."""
UPPER = (99.8, 99.5, 99.0, 98.0, 97.0, 96.0, 95.0, 92.5, 90.0)
"""Percentiles that can become 1, in the order in which they are tried; the first is the default."""
CLIPPED = 0.25
"""Part of the voxels of nuclei that may be clipped to 1."""

# The training.
KEYS: Mapping[str, tuple[Any, str]] = {
    "optimizer.lr": (1e-3, "high at first, and 0 at the end: best in a limited time"),
    "optimizer.lr_schedule": ("cosine", ""),
}
"""Keys that have the same value for all data, with the reason; "": that of the key before."""
AVERAGED = 0.25
"""Part of the training over which the weights are averaged."""
CHECKPOINTS = 5
STRAIN = 0.1
"""Standard deviation of the displacement of a control point, as a part of the distance to the next one."""
LEAST_ITERATIONS = 100

# The volumes.
FOLDS = 5
LEAST_TO_DEAL = 3
"""Labelled volumes from which on some are kept for validation."""
LEAST_TO_SPLIT = 5
"""Volumes of a flat folder from which on it is split into three."""

# Points.
LARGEST_GUESS = 40.0
"""Voxels along x of the diameter that is guessed from distances between points, at most."""
