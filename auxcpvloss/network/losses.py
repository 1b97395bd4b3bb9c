"""Losses of the heads, on any Keras backend.

Every loss takes a target, the network's output and a region map, each (B, Z, Y, X, C), and gives the mean of
weight x value for each of the B patches. The region is `OUTSIDE` beyond the volume, where nothing counts, else
`BACKGROUND` or `INSTANCE`. Formulas and weights: Hirsch & Kainmueller, MIDL 2020, section 2 and appendix B.
"""

from __future__ import annotations

from typing import Any

OUTSIDE, BACKGROUND, INSTANCE = 0, 1, 2

FRACTION_RANGE = (0.05, 0.95)
CPV_BACKGROUND_WEIGHT = 0.01


def balanced_cross_entropy(target: Any, prediction: Any, region: Any) -> Any:
    """Softmax cross entropy, every class with the same weight in each patch.

    Parameters
    ----------
    target : (B, Z, Y, X, 1) tensor
        Class of the voxel.
    prediction : (B, Z, Y, X, C) tensor
        Logits of the C classes.
    region : (B, Z, Y, X, 1) tensor

    Returns
    -------
    (B,) tensor
        Mean of -log P(class) / (C x fraction of the class), the fraction clipped to `FRACTION_RANGE`.
    """
    # Imported here since processes that only make batches read the methods, and must not start a backend.
    from keras import ops

    classes = prediction.shape[-1]
    known = ops.cast(region > OUTSIDE, "float32")
    one_hot = ops.one_hot(ops.cast(target[..., 0], "int32"), classes, dtype="float32") * known
    voxels = ops.maximum(ops.sum(known, axis=(1, 2, 3, 4)), 1.0)
    fraction = ops.sum(one_hot, axis=(1, 2, 3)) / voxels[:, None]
    weight = 1.0 / (classes * ops.clip(fraction, *FRACTION_RANGE))
    value = -one_hot * ops.log_softmax(prediction, axis=-1)
    return ops.sum(value * weight[:, None, None, None, :], axis=(1, 2, 3, 4)) / voxels


def center_vector_loss(target: Any, prediction: Any, region: Any) -> Any:
    """Squared difference of center point vectors, the background with little weight.

    Parameters
    ----------
    target, prediction : (B, Z, Y, X, 3) tensor
        Vectors in voxels.
    region : (B, Z, Y, X, 1) tensor

    Returns
    -------
    (B,) tensor
        Mean over voxels and components; weight 1 in instances, `CPV_BACKGROUND_WEIGHT` elsewhere.
    """
    from keras import ops

    weight = ops.cast(region == INSTANCE, "float32") + CPV_BACKGROUND_WEIGHT * ops.cast(region == BACKGROUND, "float32")
    voxels = ops.maximum(ops.sum(ops.cast(region > OUTSIDE, "float32"), axis=(1, 2, 3, 4)), 1.0)
    value = weight * ops.square(target - prediction)
    return ops.sum(value, axis=(1, 2, 3, 4)) / (voxels * prediction.shape[-1])
