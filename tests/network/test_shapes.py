from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auxcpvloss.methods import METHODS
from auxcpvloss.network.architectures import geometry
from auxcpvloss.network.shapes import AxisGeometry
from auxcpvloss.network.tiling import least_waste, tile_volume
from tests.conftest import configure

axes = st.builds(
    AxisGeometry,
    factors=st.lists(st.integers(1, 3), max_size=3).map(tuple),
    kernel=st.sampled_from([1, 3, 5]),
    repetitions=st.integers(1, 2),
    valid=st.booleans(),
).flatmap(lambda axis: st.sampled_from([axis, replace(axis, aligned=axis.valid)]))

ARCHITECTURES = [
    {},
    {"padding": "same", "train_input_shape": [44, 44, 44], "test_input_shape": [96, 96, 96]},
    {"kernel_size": [1, 3, 3], "downsample_factors": [[1, 2, 2], [1, 3, 2]], "train_input_shape": [5, 54, 44], "test_input_shape": [1, 66, 60]},
    {"num_repetitions": 1, "kernel_size": [5, 3, 3], "train_input_shape": [44, 30, 30], "test_input_shape": [44, 30, 30]},
    {"upsampling": "transposed_conv", "downsample_factors": [[2, 2, 2]], "fmap_inc_factors": [2], "fmap_dec_factors": [2]},
]  # fmt: skip


def build(model, shape):
    from auxcpvloss.network.architectures.unet import build_unet

    return build_unet(model, METHODS["threeclass_cpv"].heads, tuple(shape))


@pytest.mark.parametrize("change", ARCHITECTURES)
def test_sizes_are_those_of_the_real_network(change):
    model = configure(model=change).model
    network = build(model, model.train_input_shape)
    expected = tuple(g.output_size(s) for g, s in zip(geometry(model), model.train_input_shape, strict=True))
    assert (network.output["threeclass"].shape[1:4], network.output["cpv"].shape[-1]) == (expected, 3)


@given(axes, st.integers(1, 120))
def test_nearest_inputs_are_the_nearest(axis, size):
    near = axis.nearest_inputs(size)
    fits = [s for s in range(1, 2 * (size + 2 * axis.context + 200)) if axis.output_size(s)]
    below, above = [s for s in fits if s <= size], [s for s in fits if s > size]
    assert near == below[-1:] + above[:1]


@given(axes, st.integers(1, 150), st.integers(1, 400))
def test_tiles_cover_the_volume_and_lie_on_the_grid(axis, limit, volume):
    tiling = tile_or_none(axis, limit, volume)
    assume(tiling is not None)
    size, tile, margin, offset, tiles = (getattr(tiling, name)[0] for name in ("input_shape", "tile", "margin", "output_offset", "counts"))  # fmt: skip
    assert size <= limit
    assert tile % axis.total_factor == 0
    assert tiles * tile >= volume > (tiles - 1) * tile
    output = axis.output_size(size)
    assert output is not None
    assert offset + tile <= output
    # The output's first voxel lies over the input's voxel (size - output) / 2.
    assert margin == (size - output) // 2 + offset
    if axis.aligned:
        # Each level pools the windows of a padded network, which begin at the first voxel of the volume.
        first, size = -margin, 1
        for factor in axis.factors:
            first, size = first + axis.reach * size, size * factor
            assert first % size == 0


def test_the_least_waste_is_that_of_all_ways_that_fit():
    """By trying all of them."""
    geometry = [AxisGeometry((2, 2), 3, 2, True)] * 3
    volume, sizes = (20, 30, 60), range(44, 110, 4)

    def work(tiling):
        return np.prod(tiling.input_shape) * np.prod(tiling.counts)

    for memory in (60**3, 90**3, 50 * 60 * 100):
        tried = [tile_volume(geometry, limit, volume) for limit in product(sizes, repeat=3)]
        least = min(work(tiling) for tiling in tried if np.prod(tiling.input_shape) <= memory)
        found = tile_volume(geometry, least_waste(geometry, volume, np.prod, memory), volume)
        assert (work(found), np.prod(found.input_shape) <= memory) == (least, True)
    # If nothing fits, the smallest tiles.
    assert least_waste(geometry, volume, np.prod, 1) == (44, 44, 44)


def tile_or_none(axis, limit, volume):
    try:
        return tile_volume((axis,) * 3, (limit,) * 3, (volume,) * 3)
    except ZeroDivisionError:
        return None
