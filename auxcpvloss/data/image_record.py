"""What the image of a sample depends on, for those who learn from images alone."""

from __future__ import annotations

from typing import Any

from auxcpvloss.data.samples import Sample

CHECKSUM = "image_checksum"
"""Key of the record that holds the checksum of the values of the image."""
OF_FILES = {"checksum", "raw_key", "axes", "channel"}
"""Keys of what a sample was made from that say where the values of its image are."""
OF_TRUTH = {"gt_key", "ignore_label", "annotated_box", "split_pieces", "data.degrade.labels"}
"""Keys of what a sample was made from on which its image does not depend."""
OF_NOISE = {"data.degrade.gaussian", "data.degrade.poisson"}
"""Keys with which noise is drawn by ``data.degrade.seed``."""


def image_record(sample: Sample) -> dict[str, Any]:
    """List what the image of a sample depends on, whatever its ground truth.

    It is all that the sample was made from where an older version stored it without the checksum of its image.
    """
    made_from = sample.made_from
    if not sample.image_checksum:
        return made_from
    without = OF_FILES | OF_TRUTH
    if not OF_NOISE & made_from.keys():
        without = without | {"data.degrade.seed"}
    return {CHECKSUM: sample.image_checksum, **{key: made_from[key] for key in made_from.keys() - without}}
