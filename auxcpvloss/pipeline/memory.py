"""What a process that makes batches holds."""

WORKER = 200 * 2**20
"""Memory of a process without data, in bytes: gunpowder, scipy, zarr."""
CACHE = 2**28
"""Bytes of decoded chunks that a process holds, at most: random patches of small volumes are read once."""
