import pytest

from auxcpvloss.network.coarsest_level import warnings
from tests.conftest import configure

FAST = {"training": {"precision": "mixed_bfloat16"}}


def model(shape: list[int], *factors: list[int], **keys: object) -> dict:
    maps = [2] * len(factors)
    sizes = {"train_input_shape": shape, "downsample_factors": list(factors)}
    return {"model": {"padding": "same", "fmap_inc_factors": maps, "fmap_dec_factors": maps, **sizes, **keys}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (model([16, 16, 16], [2, 2, 2], [2, 2, 2]), []),
        (model([8, 16, 32], [2, 2, 2], [2, 2, 2]), ["2 voxels along z"]),
        # Four voxels are enough, and an axis that is not pooled may be thin.
        (model([2, 16, 8], [1, 2, 2], [1, 2, 2]), ["2 voxels along x"]),
        (model([4, 6], [2, 2], ndim=2, kernel_size=3), ["2 voxels along y", "3 voxels along x"]),
        # Unpadded convolutions have taken 4 voxels off, twice, before the coarsest level.
        (model([18, 18, 18], [2, 2, 2], padding="valid"), []),
        (model([44, 44, 44], [2, 2, 2], [2, 2, 2], padding="valid"), []),
    ],
)
def test_pooled_axes_with_few_voxels_are_warned_of(change, said):
    found = list(warnings(configure(**FAST | change)))
    assert len(found) == len(said)
    assert all(words in warning for words, warning in zip(said, found, strict=True))
    assert all("training.precision" in warning for warning in found)
    assert not list(warnings(configure(**change)))
