"""Compiled kernels of auxiliary targets: rays, the nearest other nucleus, and moments within a window.

As in `kernels`, known labels are below `IGNORED`, 0 is background, and arrays are contiguous.
"""

import numpy as np
from numba import njit

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods.kernels import find_place, run_end

LABELS = "uint32[:,:,::1]"


@njit(f"uint16[:,:,::1]({LABELS}, int64, int64, int64)", cache=True)
def leave(labels, dz, dy, dx):
    """Count the steps from each voxel of an instance until it is left; 0 elsewhere. Steps are of -1, 0 or 1 voxels."""
    depth, height, width = labels.shape
    steps = np.zeros(labels.shape, np.uint16)
    # From where rays end: what a voxel needs is known already.
    for i in range(depth):
        z = depth - 1 - i if dz > 0 else i
        for j in range(height):
            y = height - 1 - j if dy > 0 else j
            for k in range(width):
                x = width - 1 - k if dx > 0 else k
                label = labels[z, y, x]
                if 0 < label < IGNORED:
                    near, row, place = z + dz, y + dy, x + dx
                    steps[z, y, x] = 1
                    within = 0 <= near < depth and 0 <= row < height and 0 <= place < width
                    if within and labels[near, row, place] == label:
                        steps[z, y, x] = steps[near, row, place] + 1
    return steps


@njit
def _offer(square, label, squares, names, x):
    """Take an instance at a squared distance into the nearest two of a voxel: (2, X), of different labels."""
    if label == names[0, x]:
        squares[0, x] = min(squares[0, x], square)
    elif square < squares[0, x]:
        squares[1, x], names[1, x] = squares[0, x], names[0, x]
        squares[0, x], names[0, x] = square, label
    else:
        squares[1, x], names[1, x] = square, label


@njit
def _along_x(row, reach, squares, names):
    """Find the nearest two instances of each voxel in its row: (2, X) squared distances and labels."""
    squares[:], names[:] = reach * reach + 1, 0
    for backward in range(2):
        # The last voxels of the last two instances that were passed.
        last, former, label, before = -1, -1, np.uint32(0), np.uint32(0)
        for k in range(row.size):
            x = row.size - 1 - k if backward else k
            if 0 < row[x] < IGNORED:
                if row[x] != label:
                    former, before, label = last, label, row[x]
                last = x
            if before != 0 and (x - former) ** 2 < squares[1, x]:
                _offer(np.int32((x - former) ** 2), before, squares, names, x)
            if label != 0 and (x - last) ** 2 < squares[1, x]:
                _offer(np.int32((x - last) ** 2), label, squares, names, x)


@njit
def _along_y(squares, names, square, wide_squares, wide_names):
    """Take the nearest two instances of the voxels in a row, (2, X), into those of a row at a squared distance."""
    for which in range(2):
        for x in range(squares.shape[1]):
            if squares[which, x] + square < wide_squares[1, x]:
                _offer(squares[which, x] + square, names[which, x], wide_squares, wide_names, x)


@njit(f"int32[:,:,::1]({LABELS}, int64, int64[::1], int64[::1])", cache=True)
def nearest_other(labels, reach, first, last):
    """Give the squared distance from each voxel of an instance to the nearest one of another.

    Of the voxels from `first` to `last` - 1. Elsewhere, and where others are farther away than `reach`, it is larger
    than the square of that.
    """
    depth, height = labels.shape[:2]
    shape = (last[0] - first[0], last[1] - first[1], last[2] - first[2])
    # Of the part in each plane that is near enough.
    top, bottom = max(first[0] - reach, 0), min(last[0] + reach, depth)
    squares = np.full((bottom - top, shape[1], 2, shape[2]), reach * reach + 1, np.int32)
    names = np.zeros(squares.shape, np.uint32)
    row_squares, row_names = np.empty((2, labels.shape[2]), np.int32), np.empty((2, labels.shape[2]), np.uint32)
    for z in range(top, bottom):
        for row in range(max(first[1] - reach, 0), min(last[1] + reach, height)):
            _along_x(labels[z, row], reach, row_squares, row_names)
            near, near_names = row_squares[:, first[2] : last[2]], row_names[:, first[2] : last[2]]
            if near[0].min() <= reach * reach:
                for y in range(max(first[1], row - reach), min(last[1], row + reach + 1)):
                    place = z - top, y - first[1]
                    _along_y(near, near_names, np.int32((y - row) ** 2), squares[place], names[place])
    found = np.full(shape, reach * reach + 1, np.int32)
    for z in range(first[0], last[0]):
        for plane in range(max(top, z - reach), min(bottom, z + reach + 1)):
            square = np.int32((z - plane) ** 2)
            for y in range(shape[1]):
                for which in range(2):
                    row = labels[z, first[1] + y]
                    for x in range(shape[2]):
                        least = squares[plane - top, y, which, x] + square
                        if least < found[z - first[0], y, x] and names[plane - top, y, which, x] != row[first[2] + x]:
                            found[z - first[0], y, x] = least
    return found


@njit(f"int64[:,:,::1]({LABELS}, uint32[::1])", cache=True)
def bounds(labels, ids):
    """Find the box of each instance in a hash table of their labels (see `kernels`): (N, 2, 3), first and last + 1."""
    found = np.zeros((ids.size, 2, 3), np.int64)
    for place in range(ids.size):
        found[place, 0] = max(labels.shape)
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            row, x = labels[z, y], 0
            while x < row.size:
                end = run_end(row, x)
                if 0 < row[x] < IGNORED:
                    box = found[find_place(row[x], ids)]
                    box[0, 0], box[1, 0] = min(box[0, 0], z), max(box[1, 0], z + 1)
                    box[0, 1], box[1, 1] = min(box[0, 1], y), max(box[1, 1], y + 1)
                    box[0, 2], box[1, 2] = min(box[0, 2], x), max(box[1, 2], end)
                x = end
    return found


@njit("float64[:,:,::1](float64[:,:,::1], float64[:,::1])", cache=True)
def along_middle(values, matrix):
    """Multiply (P, N, Q) values by an (N, N) matrix along their middle axis; sums are in the order of that axis."""
    out = np.zeros(values.shape)
    for p in range(values.shape[0]):
        for n in range(values.shape[1]):
            for m in range(values.shape[1]):
                if matrix[n, m] != 0:
                    for q in range(values.shape[2]):
                        out[p, n, q] += matrix[n, m] * values[p, m, q]
    return out
