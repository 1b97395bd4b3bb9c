"""Nuclei instance segmentation in 3D microscopy, with center point vectors as auxiliary task."""

import os

from auxcpvloss.system.processors import set_up_tensorflow

__version__ = "0.1.0"

# Here, because nothing in the package can import TensorFlow earlier.
set_up_tensorflow(os.environ)
