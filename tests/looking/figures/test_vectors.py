import numpy as np
import pytest

from auxcpvloss.looking.figures.vectors import vectors_figure
from auxcpvloss.looking.figures.volume import fullest_plane
from auxcpvloss.methods.auxiliary.cpv import target
from auxcpvloss.segmentation.votes import count_votes
from tests.conftest import blobs

LABELS = blobs((10, 20, 24), 4, seed=0)
TARGET = target(LABELS)
RNG = np.random.default_rng(0)
PREDICTED = TARGET + RNG.normal(0, 0.5, TARGET.shape).astype(np.float32)
RAW = RNG.random(LABELS.shape)


def test_components_errors_and_votes_are_those_of_nuclei() -> None:
    figure = vectors_figure(RAW, PREDICTED, TARGET, "a patch")
    panels = {ax.get_title(): ax for ax in figure.axes if ax.get_title()}
    z = fullest_plane(np.any(TARGET != 0, axis=0))
    inside = np.any(TARGET[:, z] != 0, axis=0)
    for name, vectors in (("target", TARGET), ("predicted", PREDICTED)):
        for axis, component in zip("zyx", vectors[:, z], strict=True):
            image = panels[f"{name}, {axis}"].images[0]
            shown = image.get_array()
            assert np.array_equal(np.ma.getmaskarray(shown), ~inside)
            assert np.allclose(shown[inside], component[inside])
            # White is a vector of no length, and a color is the same length in all of them.
            assert image.get_clim() == (-np.abs(TARGET[:, z]).max(), np.abs(TARGET[:, z]).max())
    length = np.sqrt(((PREDICTED[:, z] - TARGET[:, z]) ** 2).sum(axis=0))
    error = panels[f"error, mean {length[inside].mean():.2f}"].images[0].get_array()
    assert np.allclose(error[inside], length[inside], atol=1e-5)
    labels = [ax.get_xlabel() or ax.get_ylabel() for ax in figure.axes]
    assert {"vector to the center (voxels)", "length (voxels)", "vectors that end here"} <= set(labels)
    assert f"raw data, z = {z}" in panels


def test_votes_are_those_of_voxels_that_have_a_vector() -> None:
    figure = vectors_figure(RAW, PREDICTED, TARGET)
    (votes,) = [ax.images[0].get_array() for ax in figure.axes if ax.get_title() == "votes, all planes"]
    inside = np.any(TARGET != 0, axis=0)
    expected = np.zeros(LABELS.shape, int)
    for place in np.argwhere(inside):
        end = np.clip(np.rint(place + PREDICTED[(slice(None), *place)]).astype(int), 0, np.array(LABELS.shape) - 1)
        expected[tuple(end)] += 1
    assert np.array_equal(votes, expected.max(axis=0))
    assert count_votes(PREDICTED).sum() == LABELS.size


def test_a_patch_without_nuclei_and_arrays_of_different_shape() -> None:
    nothing = np.zeros((3, 4, 5, 6), np.float32)
    vectors_figure(np.zeros((4, 5, 6)), nothing, nothing).draw_without_rendering()
    with pytest.raises(ValueError, match=r"differ in shape: \(4, 5, 6\)"):
        vectors_figure(np.zeros((4, 5, 6)), nothing, nothing[:, :, :, :5])
