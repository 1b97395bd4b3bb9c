"""Nuclei instance segmentation in 3D microscopy, with center point vectors as auxiliary task."""

__version__ = "0.1.0"
