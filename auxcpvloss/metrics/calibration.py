"""Probabilities that instances are right, which come true as often as they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.lazy import lazily

optimize, special = lazily("scipy.optimize"), lazily("scipy.special")

Floats = NDArray[np.float64]

PRIOR = 50
"""So many instances that follow the logistic regression are added to the isotonic one: few that were seen do not
suffice to contradict it."""
RIDGE = 1.0
"""Of the logistic regression: a prior of variance 1 on its weights."""
REACH = np.geomspace(0.1, 10, 12)
"""Distances, in scores, at which the curve follows the logistic regression beyond the scores that were seen."""
STEPS = 20
"""Of Newton's method; the loss is convex, and a few would do."""


@dataclass(frozen=True)
class Calibration:
    """How often instances of some features were right.

    Attributes
    ----------
    center, scale, weights : tuple of float
        Of each of the `features`: its mean and spread, and how much it counts in the score of an instance.
    constant : float
        Added to the score.
    scores, probabilities : tuple of float
        Points of a curve that does not fall, straight between them: score -> how often instances were right.
    instances, right : int
        How many instances this was learned from, and how many of these were right.
    """

    center: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    constant: float
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    instances: int
    right: int

    def __call__(self, values: Floats) -> Floats:
        """Give the probability that each instance is right: (N,), from its (N, F) features."""
        score = (values - self.center) / self.scale @ np.array(self.weights) + self.constant
        return np.interp(score, self.scores, self.probabilities)


def features(confidence: Floats, sizes: NDArray[Any]) -> Floats:
    """Give what tells right instances of a volume from wrong ones: an (N, 3) array.

    How sure the network is, as a logit; and by how much the instance is larger, or smaller, than the median of its
    volume, as logarithms: what covers several nuclei, or a piece of one, may look as sure as any.

    Parameters
    ----------
    confidence : (N,) array
        In 0..1.
    sizes : (N,) array
        In voxels.
    """
    sure = np.clip(confidence, 1e-6, 1 - 1e-6)
    size = np.log(sizes / np.median(sizes)) if len(sizes) else np.empty(0)
    return np.stack([np.log(sure / (1 - sure)), np.maximum(size, 0), np.maximum(-size, 0)], axis=-1)


def calibrate(values: Sequence[Floats], right: Sequence[NDArray[np.bool_]]) -> Calibration:
    """Learn how often instances are right: a logistic regression of the features, then an isotonic one of its score.

    The isotonic regression sees scores of volumes that the logistic one was not fitted to, where there are several:
    otherwise it would promise too much. It is drawn towards the logistic one, see `PRIOR`, and follows it where no
    instance was seen.

    Parameters
    ----------
    values : sequence of (N, F) arrays
        `features` of the instances of each volume; one instance at least in all.
    right : sequence of (N,) arrays
        Whether each is right.
    """
    every, true = np.concatenate(values), np.concatenate(right)
    center = every.mean(axis=0)
    spread = every.std(axis=0)
    scale = np.where(spread > 1e-9, spread, 1.0)
    scaled = [(each - center) / scale for each in values]
    weights = _logistic(np.concatenate(scaled), true)
    fitted = [weights] * len(values)
    if len(values) > 1:
        fitted = [
            _logistic(*map(np.concatenate, (_without(scaled, i), _without(right, i)))) for i in range(len(values))
        ]
    scores = np.concatenate([each @ by[:-1] + by[-1] for each, by in zip(scaled, fitted, strict=True)])
    points, probabilities = _isotonic(scores, true)
    return Calibration(
        center=tuple(center.tolist()),
        scale=tuple(scale.tolist()),
        weights=tuple(weights[:-1].tolist()),
        constant=float(weights[-1]),
        scores=tuple(points.tolist()),
        probabilities=tuple(probabilities.tolist()),
        instances=len(true),
        right=int(true.sum()),
    )


def _without(volumes: Sequence[NDArray[Any]], number: int) -> list[NDArray[Any]]:
    return [each for place, each in enumerate(volumes) if place != number]


def _logistic(values: Floats, right: NDArray[np.bool_]) -> Floats:
    """Fit a logistic regression: the weights of the features, and the constant."""
    design = np.column_stack([values, np.ones(len(values))])
    # What is always right, or always wrong, must not drive the constant to infinity.
    ridge = np.append(np.full(values.shape[1], RIDGE), 0.1)
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = special.expit(design @ weights)
        slope = design.T @ (chance - right) + ridge * weights
        curvature = (design.T * (chance * (1 - chance))) @ design + np.diag(ridge)
        weights -= np.linalg.solve(curvature, slope)
    return weights


def _isotonic(scores: Floats, right: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Fit a curve that does not fall: its points, scores and probabilities."""
    unseen = np.concatenate([scores.min() - REACH, scores.max() + REACH])
    places = np.concatenate([scores, scores, unseen])
    said = special.expit(places[len(scores) :])
    weights = np.concatenate([np.ones(len(scores)), np.full(len(scores), PRIOR / len(scores)), np.ones(len(unseen))])
    order = np.argsort(places, kind="stable")
    fitted = optimize.isotonic_regression(np.concatenate([right, said])[order], weights=weights[order])
    # Of a step, which is flat, the two ends.
    starts = np.asarray(fitted.blocks)
    ends = np.unique(np.concatenate([starts[:-1], starts[1:] - 1]))
    return places[order][ends], np.asarray(fitted.x)[ends]
