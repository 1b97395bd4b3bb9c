"""Compiled kernels of the deformation: where the voxels of a box come from, and what is there.

All take the tables of `sampling.Sampler`. Places are float32, computed in one order of operations, so that two boxes
agree bitwise on the voxels that they share. They are held for one row of voxels at a time, in loops over contiguous
memory, one operation each, which compilers vectorize.
"""

import numpy as np
from numba import njit

from auxcpvloss.system.kernel import kernel

ROW = "float32[::1]"
TABLES = f"Tuple((float32[:,:,:,:,::1], int64[::1], {ROW}, int64[::1], {ROW}, {ROW}, float32[:,::1], {ROW}, {ROW}, {ROW}, {ROW}))"  # fmt: skip  # noqa: E501
"""Knots, at the ends of the interval along x around each voxel: (2, 3, knots along z, knots along y, voxels along x);
the knot below each voxel and the weight of the next one, along z and y, and the weight along x; linear part; distance
of the voxels from the center, along z, y and x; center."""


@njit
def _mix(lower, upper, weight, mixed):
    for i in range(mixed.size):
        mixed[i] = lower[i] + weight * (upper[i] - lower[i])


@njit
def _place(corners, weight, weights, z, y, factor, x, center, places):
    """Shift by what is between four knots (lower and upper along y, at the lower and upper end along x), and more."""
    low_low, high_low, low_high, high_high = corners
    for i in range(places.size):
        lower = low_low[i] + weight * (high_low[i] - low_low[i])
        upper = low_high[i] + weight * (high_high[i] - low_high[i])
        places[i] = lower + weights[i] * (upper - lower) + z + y + factor * x[i] + center


@njit
def _rows(tables):
    """Make room for a plane of shifts (ends along x, axes, knots along y, x), and a row of places."""
    knots = tables[0]
    along_y, along_x = knots.shape[3:]
    return (
        np.empty((2, 3, along_y, along_x), np.float32),
        np.empty((3, along_x), np.float32),
    )


@njit
def _enter_plane(z, tables, rows):
    knots, below, weight = tables[:3]
    for end in range(2):
        for axis in range(3):
            lower, upper = knots[end, axis, below[z]].ravel(), knots[end, axis, below[z] + 1].ravel()
            _mix(lower, upper, weight[z], rows[0][end, axis].ravel())


@njit
def _find_row(z, y, tables, rows):
    """Give the (3, X) places of a row of the plane entered last."""
    _, _, _, below, weight, weights, linear, from_z, from_y, from_x, center = tables
    shifts, places = rows
    for axis in range(3):
        lower, upper = shifts[0, axis], shifts[1, axis]
        corners = lower[below[y]], lower[below[y] + 1], upper[below[y]], upper[below[y] + 1]
        by_z, by_y = linear[axis, 0] * from_z[z], linear[axis, 1] * from_y[y]
        _place(corners, weight[y], weights, by_z, by_y, linear[axis, 2], from_x, center[axis], places[axis])
    return places


@njit
def _extend(values, low, high):
    for i in range(values.size):
        low[i] = values[i] if values[i] < low[i] else low[i]
    for i in range(values.size):
        high[i] = values[i] if values[i] > high[i] else high[i]


@kernel(f"float32[:,:,::1]({TABLES}, int64[::1], int64[::1])")
def reach(tables, planes, lines):
    """Find the least and greatest place, along z, y and x, of these planes and lines of voxels: (2, 3, X)."""
    rows = _rows(tables)
    size = 3 * tables[9].size
    found = np.empty((2, 3, tables[9].size), np.float32)
    found[0], found[1] = np.inf, -np.inf
    for z in planes:
        _enter_plane(z, tables, rows)
        for y in lines:
            places = _find_row(z, y, tables, rows)
            _extend(places.reshape(size), found[0].reshape(size), found[1].reshape(size))
    return found


@njit
def _add_corner(places, first, last, stride, index, weight):
    """Add the voxel below each place to its index, and find the weight of the next voxel."""
    for i in range(places.size):
        place = places[i] - first
        # At the last voxel the one before is taken, with weight 0.
        below = min(np.int32(place), last)
        index[i] += below * stride
        weight[i] = np.float64(place) - np.float64(below)


@njit
def _blend(source, index, weights, strides, sampled):
    """Interpolate between eight voxels in float64, by the operations of scipy.ndimage.map_coordinates, in its order."""
    dz, dy, dx = strides
    for i in range(index.size):
        z1, y1, x1 = weights[0, i], weights[1, i], weights[2, i]
        z0, y0, x0 = 1.0 - z1, 1.0 - y1, 1.0 - x1
        below = np.uintp(index[i])
        above = below + dz
        value = source[below] * z0 * y0 * x0
        value += source[below + dx] * z0 * y0 * x1
        value += source[below + dy] * z0 * y1 * x0
        value += source[below + dy + dx] * z0 * y1 * x1
        value += source[above] * z1 * y0 * x0
        value += source[above + dx] * z1 * y0 * x1
        value += source[above + dy] * z1 * y1 * x0
        value += source[above + dy + dx] * z1 * y1 * x1
        sampled[i] = value


@kernel(f"void({TABLES}, {ROW}, float32[:,:,::1], float32[:,:,::1])")
def sample_linear(tables, first, source, sampled):
    """Sample (Z, Y, X) `source`, whose first voxel is at the place `first`, by linear interpolation."""
    rows = _rows(tables)
    index, weights = np.empty(tables[9].size, np.int32), np.empty((3, tables[9].size), np.float64)
    depth, height, width = source.shape
    flat = source.reshape(source.size)
    # An axis of one voxel has no next one.
    strides = np.uintp(height * width * (depth > 1)), np.uintp(width * (height > 1)), np.uintp(width > 1)
    for z in range(tables[7].size):
        _enter_plane(z, tables, rows)
        for y in range(tables[8].size):
            places = _find_row(z, y, tables, rows)
            index[:] = 0
            _add_corner(places[0], first[0], np.int32(max(depth - 2, 0)), np.int32(height * width), index, weights[0])
            _add_corner(places[1], first[1], np.int32(max(height - 2, 0)), np.int32(width), index, weights[1])
            _add_corner(places[2], first[2], np.int32(max(width - 2, 0)), np.int32(1), index, weights[2])
            _blend(flat, index, weights, strides, sampled[z, y])


@njit
def _add_nearest(places, first, stride, index):
    for i in range(places.size):
        index[i] += np.int32(places[i] - first + np.float32(0.5)) * stride


@kernel(f"void({TABLES}, {ROW}, uint32[:,:,::1], uint32[:,:,:])")
def sample_nearest(tables, first, source, sampled):
    """Sample (Z, Y, X) `source`, whose first voxel is at the place `first`, at the nearest voxel."""
    rows = _rows(tables)
    index = np.empty(tables[9].size, np.int32)
    _, height, width = source.shape
    flat = source.reshape(source.size)
    for z in range(tables[7].size):
        _enter_plane(z, tables, rows)
        for y in range(tables[8].size):
            places = _find_row(z, y, tables, rows)
            index[:] = 0
            _add_nearest(places[0], first[0], np.int32(height * width), index)
            _add_nearest(places[1], first[1], np.int32(width), index)
            _add_nearest(places[2], first[2], np.int32(1), index)
            for x in range(index.size):
                sampled[z, y, x] = flat[np.uintp(index[x])]
