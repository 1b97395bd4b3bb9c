"""Instances in the formats of other programs, and in napari."""
