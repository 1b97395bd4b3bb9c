"""Trained networks applied to images that belong to no experiment: from Python, and by the command ``segment``."""
