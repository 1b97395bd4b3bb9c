"""Trained networks applied to images that belong to no experiment: from Python, and by the command ``segment``."""

from __future__ import annotations

import logging

# What is logged is also shown, or given as a warning: without a handler Python would print it once more.
logging.getLogger("auxcpvloss").addHandler(logging.NullHandler())
