"""One volume of a data set, wherever it is stored; one file a format.

A new format is a file here, with how it is recognised, its reader and its limits, and a line in `FORMATS`.
"""

from auxcpvloss.data.sources.format import Format
from auxcpvloss.data.sources.hdf import HDF
from auxcpvloss.data.sources.n5 import N5
from auxcpvloss.data.sources.synthetic import SYNTHETIC
from auxcpvloss.data.sources.tif import TIF
from auxcpvloss.data.sources.zarr import ZARR
from auxcpvloss.data.sources.zip import ZIP

FORMATS: dict[str, Format] = {each.name: each for each in (TIF, ZIP, ZARR, N5, HDF, SYNTHETIC)}
"""Values of data.input_format, besides "auto"."""
