"""Denoising without clean images: the network learns to tell hidden voxels from those around them (Noise2Void)."""

from __future__ import annotations

import numpy as np

from auxcpvloss.methods.blind_spots import IMAGE, KEYS, BlindSpots
from auxcpvloss.methods.method import Array, Head, Labels, Method, Params, Prediction
from auxcpvloss.system.errors import InputError


class NoInstances(Params):
    """There is nothing to choose: the output is an image."""

    def decode(self, prediction: Prediction) -> Labels:
        """Refuse, with an `InputError`: there are no instances in a denoised image."""
        raise InputError("model.method = 'noise2void' denoises images: it finds no nuclei. Use another method.")


def confidence(prediction: Prediction, labels: Labels) -> Array:
    """Give NaN for each instance: none is found."""
    return np.full(np.count_nonzero(np.bincount(labels.reshape(-1))[1:]), np.nan)


NOISE2VOID = Method(
    "noise2void",
    heads=(
        Head("denoised", channels=1, target=IMAGE, loss="squared_difference", from_points=True, at_blind_spots=True),
    ),
    confidence=confidence,
    params=NoInstances,
    task="denoising",
    corrupt=BlindSpots.by,
    keys=KEYS,
)
