"""The border outside of nuclei against a loop over voxels, and components of what is not border."""

import numpy as np
import pytest
from hypothesis import given

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods import METHODS
from auxcpvloss.methods.threeclass_outer import BACKGROUND, BORDER, INTERIOR, target
from tests.methods.test_decoders import around, components
from tests.methods.test_nedt_border import apart
from tests.methods.test_targets import is_instance, labels_with_outside
from tests.segmentation.test_instances import relabelled_equal

METHOD = METHODS["threeclass_outer"]


@given(labels_with_outside)
def test_borders_are_what_one_dilation_adds_to_any_nucleus(labels):
    expected = np.where(np.vectorize(is_instance)(labels), INTERIOR, BACKGROUND)
    for label in filter(is_instance, set(labels.ravel().tolist())):
        for voxel in np.ndindex(labels.shape):
            beside = labels[voxel] != label and any(labels[other] == label for other in around(voxel, labels.shape))
            if beside and labels[voxel] < IGNORED:
                expected[voxel] = BORDER
    np.testing.assert_array_equal(target(labels)[0], expected)


def test_touching_nuclei_are_two_voxels_of_border_apart():
    labels = np.repeat(np.uint32([0, 1, 2, 0]), 4).reshape(1, 1, -1)
    assert target(labels).ravel().tolist() == [0, 0, 0, 2, 1, 1, 1, 2, 2, 1, 1, 1, 2, 0, 0, 0]


def perfect(labels):
    return {head.name: head.perfect(head.target(labels)) for head in METHOD.heads}


@pytest.mark.parametrize("shape", [(40, 44, 48), (1, 120, 130)], ids=["volume", "image"])
@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.95])
def test_separate_nuclei_come_back_voxel_by_voxel(shape, threshold):
    labels = apart(shape)
    assert relabelled_equal(METHOD.params(fg_thresh=threshold).decode(perfect(labels)), labels)


def test_touching_nuclei_come_back_without_the_voxels_by_which_they_touch(balls):
    labels = balls()
    found = METHOD.params().decode(perfect(labels))
    assert relabelled_equal(found, np.where(target(labels)[0] == INTERIOR, labels, 0))
    assert found.max() == 3


def test_instances_are_components_above_the_threshold():
    logits = np.random.default_rng(0).normal(0, 3, (3, 6, 7, 8)).astype(np.float32)
    likely = np.exp(logits[1]) / np.exp(logits).sum(axis=0)
    for threshold in METHOD.params.to_try()["fg_thresh"]:
        found = METHOD.params(fg_thresh=threshold).decode({"outer": logits})
        assert relabelled_equal(found, components(likely > threshold))
    numbers = components(likely > 0.5)
    sizes = np.bincount(numbers.ravel())
    large = METHOD.params(min_size=4).decode({"outer": logits})
    assert relabelled_equal(large, np.where(sizes[numbers] >= 4, numbers, 0))


def test_nineteen_thresholds_are_tried():
    tried = METHOD.params.to_try()["fg_thresh"]
    assert tried == pytest.approx(np.arange(1, 20) / 20)


def test_confidence_is_the_mean_probability_of_the_interior():
    labels = np.zeros((1, 2, 6), np.uint32)
    labels[0, :, 1:3], labels[0, 0, 4] = 7, 9
    likely = np.where(labels == 7, 0.8, np.where(labels == 9, 0.3, 0.1))
    prediction = {"outer": np.log(np.stack([(1 - likely) / 3, likely, 2 * (1 - likely) / 3]))}
    assert METHOD.confidence(prediction, labels) == pytest.approx([0.8, 0.3])
