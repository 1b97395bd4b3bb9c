"""Figures: pure functions from plain data to a matplotlib figure; only `layout.save` writes to the disk."""
