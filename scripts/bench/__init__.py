"""The benchmark suite: one file a benchmark; `measure` is what they share. Run it with ``python scripts/bench.py``."""
