"""Compiled kernels of targets: boundaries and centers of labels.

`known` labels are below `IGNORED`; 0 is background. Arrays are contiguous: most time goes into loops along x, one
operation each, which compilers vectorize.
"""

import numpy as np
from numba import njit

from auxcpvloss.data.annotated import IGNORED

LABELS = "uint32[:,:,::1]"
PRIME = np.uint64(2654435761)
"""Spreads labels over a table (Knuth's multiplicative hashing)."""


@njit
def _extend(row, least, greatest):
    """Take a row into the least label, and into the greatest known one."""
    for x in range(row.size):
        least[x] = row[x] if row[x] < least[x] else least[x]
    for x in range(row.size):
        label = row[x] if row[x] < IGNORED else np.uint32(0)
        greatest[x] = label if label > greatest[x] else greatest[x]


@njit
def _extend_along(least, greatest, wide_least, wide_greatest):
    """Take the two neighbours of each voxel of a row; there is none before the first one, and after the last one."""
    for x in range(1, least.size):
        wide_least[x] = least[x - 1] if least[x - 1] < wide_least[x] else wide_least[x]
        wide_greatest[x] = greatest[x - 1] if greatest[x - 1] > wide_greatest[x] else wide_greatest[x]
    for x in range(least.size - 1):
        wide_least[x] = least[x + 1] if least[x + 1] < wide_least[x] else wide_least[x]
        wide_greatest[x] = greatest[x + 1] if greatest[x + 1] > wide_greatest[x] else wide_greatest[x]


@njit
def _classify(row, least, greatest, classes):
    for x in range(row.size):
        inside = (row[x] > 0) & (row[x] < IGNORED)
        classes[x] = np.uint8(inside) + np.uint8(inside & (least[x] != greatest[x]))


@njit(f"uint8[:,:,::1]({LABELS}, boolean)", cache=True)
def classify(labels, diagonal):
    """Tell what is in no instance (0), and of each instance its inside (1) and its boundary (2).

    A voxel is of the boundary if the known labels of its neighbours (26 with `diagonal`, else 6) and its own are not
    all the same.
    """
    depth, height, width = labels.shape
    classes = np.empty(labels.shape, np.uint8)
    rows = np.empty((4, width), np.uint32)
    least, greatest, wide_least, wide_greatest = rows[0], rows[1], rows[2], rows[3]
    for z in range(depth):
        for y in range(height):
            own = labels[z, y]
            least[:] = 0xFFFFFFFF
            greatest[:] = 0
            _extend(own, least, greatest)
            wide_least[:], wide_greatest[:] = least, greatest
            if not diagonal:
                _extend_along(least, greatest, wide_least, wide_greatest)
            for k in range(max(z - 1, 0), min(z + 2, depth)):
                for j in range(max(y - 1, 0), min(y + 2, height)):
                    if diagonal:
                        _extend(labels[k, j], least, greatest)
                    elif (k == z) != (j == y):
                        _extend(labels[k, j], wide_least, wide_greatest)
            if diagonal:
                wide_least[:], wide_greatest[:] = least, greatest
                _extend_along(least, greatest, wide_least, wide_greatest)
            _classify(own, wide_least, wide_greatest, classes[z, y])
    return classes


@njit
def find_place(label, ids):
    """Find the place of a label in a table with 0 where it is empty, or the empty place where it belongs."""
    last = ids.size - 1
    spread = (np.uint64(label) * PRIME) & np.uint64(0xFFFFFFFF)
    place = np.int64(spread ^ (spread >> np.uint64(15))) & last
    while ids[place] != 0 and ids[place] != label:
        place = (place + 1) & last
    return place


@njit
def _grow(ids, sums):
    wider, moved = np.zeros(2 * ids.size, np.uint32), np.zeros((2 * ids.size, 4), np.int64)
    for place in range(ids.size):
        if ids[place] != 0:
            there = find_place(ids[place], wider)
            wider[there], moved[there] = ids[place], sums[place]
    return wider, moved


@njit
def _mark(row, marks):
    """Mark where the runs of a row begin, but for the first one, in bytes of a number of whole words."""
    for x in range(1, row.size):
        marks[x] = row[x] != row[x - 1]


@njit
def _runs(row, marks, words, ends):
    """Find the ends of all runs of one label in a row; give their number."""
    _mark(row, marks)
    count = 0
    # Most words have no mark.
    for word in range(words.size):
        if words[word] != 0:
            for x in range(8 * word, 8 * word + 8):
                ends[count] = x
                count += marks[x]
    return count


@njit(f"Tuple((uint32[::1], int64[:,::1]))({LABELS})", cache=True)
def add_up(labels):
    """Give a hash table of the instances (see `find_place`): labels, and sums of 1, z, y and x over voxels."""
    depth, height, width = labels.shape
    ids, sums, count = np.zeros(1024, np.uint32), np.zeros((1024, 4), np.int64), 0
    marks, ends = np.zeros(width // 8 * 8 + 8, np.uint8), np.empty(width + 9, np.int64)
    words = marks.view(np.uint64)
    # Behind the last run another one begins.
    marks[width] = 1
    for z in range(depth):
        for y in range(height):
            row, begin = labels[z, y], 0
            for run in range(_runs(row, marks, words, ends)):
                label, end = row[begin], ends[run]
                if 0 < label < IGNORED:
                    place = find_place(label, ids)
                    if ids[place] == 0:
                        if 2 * count >= ids.size:
                            ids, sums = _grow(ids, sums)
                            place = find_place(label, ids)
                        ids[place] = label
                        count += 1
                    size = end - begin
                    sums[place, 0] += size
                    sums[place, 1] += size * z
                    sums[place, 2] += size * y
                    sums[place, 3] += size * (begin + end - 1) // 2
                begin = end
    return ids, sums


@njit
def run_end(row, x):
    """Find the end of the run of one label that begins at x."""
    end = x + 1
    while end < row.size and row[end] == row[x]:
        end += 1
    return end


@njit(f"float32[:,:,:,::1]({LABELS}, int64[::1], uint32[::1], float64[:,::1])", cache=True)
def point(labels, first, ids, centers):
    """Give the vector from each voxel of an instance to its center, by the hash table of centers: (3, Z, Y, X).

    The voxel (0, 0, 0) of the labels is where `first` is for the centers.
    """
    vectors = np.zeros((3, *labels.shape), np.float32)
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            row, x = labels[z, y], 0
            while x < row.size:
                end = run_end(row, x)
                if 0 < row[x] < IGNORED:
                    place = find_place(row[x], ids)
                    vectors[0, z, y, x:end] = np.float32(centers[place, 0] - (first[0] + z))
                    vectors[1, z, y, x:end] = np.float32(centers[place, 1] - (first[1] + y))
                    for i in range(x, end):
                        vectors[2, z, y, i] = np.float32(centers[place, 2] - (first[2] + i))
                x = end
    return vectors
