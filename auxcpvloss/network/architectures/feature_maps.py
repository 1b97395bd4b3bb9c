"""How many feature maps the levels of a U-Net have."""

from __future__ import annotations

from itertools import accumulate

from auxcpvloss.config.tables import Model


def feature_maps(model: Model) -> tuple[list[int], list[int]]:
    """Feature maps of every level on the way down, the bottom being the last, and on the way up."""
    down = list(accumulate(model.fmap_inc_factors, int.__mul__, initial=model.num_fmaps))
    up = accumulate(reversed(model.fmap_dec_factors), lambda maps, factor: max(1, maps // factor), initial=down[-1])
    return down, list(up)[:0:-1]
