"""Nuclei instance segmentation in 3D microscopy, with center point vectors as auxiliary task."""

import os

from auxcpvloss.system.keras_settings import set_up_keras
from auxcpvloss.system.processors import set_up_tensorflow

__version__ = "0.1.0"

# Here, because nothing in the package can import TensorFlow or Keras earlier.
set_up_tensorflow(os.environ)
set_up_keras(os.environ)
