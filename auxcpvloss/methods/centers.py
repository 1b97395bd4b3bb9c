"""Centers of mass of all instances of a patch at once."""

from __future__ import annotations

from auxcpvloss.data.centers_of_mass import Centers, centers_by_label
from auxcpvloss.methods.boundary import instances
from auxcpvloss.methods.method import Labels


def find_centers(labels: Labels) -> Centers:
    """Find the center of mass of every instance; `OUTSIDE` is none, see `detection.centers_by_label`."""
    return centers_by_label(labels, instances(labels))
