"""How sure a network is of each instance."""

import numpy as np
import pytest
from scipy.special import logit

from auxcpvloss.methods import METHODS
from auxcpvloss.segmentation.measure import mean_within


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_perfect_prediction_is_sure_of_every_instance(method, balls):
    labels = balls(radius=5)
    prediction = {head.name: head.perfect(head.target(labels)) for head in method.heads}
    confidence = method.confidence(prediction, method.params().decode(prediction))
    assert confidence.shape == (3,)
    assert confidence.min() > 0.95
    assert confidence.max() <= 1


def prediction_of(name: str, labels: np.ndarray, sure: dict[int, float]) -> dict[str, np.ndarray]:
    """A prediction that is so sure of each label, in the measure of the method."""
    share = np.zeros(labels.shape)
    for label, value in sure.items():
        share[labels == label] = value
    p = np.clip(share, 1e-6, 1 - 1e-6)
    if name == "threeclass":
        return {"threeclass": np.log(np.stack([1 - p, p / 3, 2 * p / 3]))}
    if name == "affinities":
        return {"affs": np.zeros((3, *labels.shape)), "fgbg": logit(p)[np.newaxis]}
    if name == "sdt":
        return {"sdt": METHODS["sdt"].heads[0].target(labels) * share}
    return {"gauss": share[np.newaxis]}


@pytest.mark.parametrize("name", ["threeclass", "affinities", "sdt", "gauss"])
def test_confidence_is_what_the_network_says_of_each_instance(name, balls):
    labels = np.where(balls(radius=5) == 2, 0, balls(radius=5)) * 7
    if name == "gauss":
        labels = np.zeros_like(labels)
        labels[5, 5, 5], labels[6, 6, 20] = 7, 21
    confidence = METHODS[name].confidence(prediction_of(name, labels, {7: 0.9, 21: 0.4}), labels)
    assert confidence == pytest.approx([0.9, 0.4], abs=1e-3)
    assert METHODS[name].confidence(prediction_of(name, labels, {}), np.zeros_like(labels)).shape == (0,)


def test_what_dilation_adds_does_not_make_affinities_less_sure():
    labels = np.zeros((7, 7, 9), np.uint32)
    labels[1:6, 1:6, 1:6], labels[3, 3, 7] = 1, 2
    sure = np.where(labels == 2, 0.3, 0.0)
    sure[2:5, 2:5, 2:5] = 0.8
    found = METHODS["affinities"].confidence({"fgbg": logit(np.clip(sure, 1e-9, 1))[np.newaxis]}, labels)
    assert found == pytest.approx([0.8, 0.3], abs=1e-3)


def test_an_instance_that_is_all_boundary_has_no_depth():
    labels = np.zeros((5, 5, 5), np.uint32)
    labels[2] = 1
    assert METHODS["sdt"].confidence({"sdt": np.full((1, 5, 5, 5), -0.5)}, labels).tolist() == [0]


def test_means_are_those_of_the_voxels_of_each_label():
    labels = np.array([[[0, 9, 9, 2**32 - 2, 4]]], np.uint32)
    assert mean_within(np.array([[[5.0, 1.0, 3.0, 8.0, -1.0]]]), labels).tolist() == [-1, 2, 8]
