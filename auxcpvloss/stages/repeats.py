"""Images that serve for testing, and for training or validation too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auxcpvloss.data.sources.source import Source
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.stages.run import Run
from auxcpvloss.system.errors import InputError


def check_repeats(run: Run, found: Mapping[Volume, str]) -> None:
    """Refuse a test volume whose image is that of a volume for training or validation, unless it is allowed.

    One without labels and centers is not scored, so that a warning does.

    Parameters
    ----------
    found : mapping
        Volumes that are to be prepared -> checksums of their images; of others that of the prepared volume counts.
    """
    if run.experiment.config.data.allow_repeats:
        return
    used = {
        image: f"{source.origin} ({split})"
        for split in ("val", "train")
        for image, source in _images(run, split, found)
    }
    for image, source in _images(run, "test", found):
        if image not in used:
            continue
        same = f"{source.origin}: the same image as {used[image]}"
        if source.has_labels or source.has_points:
            raise InputError(
                f"{same}; scores of a volume that served for training or validation say nothing about others. Remove "
                "it from one of the two places, or set data.allow_repeats = true"
            )
        run.warn(f"{same}; how well the network does there says nothing about other volumes")


def _images(run: Run, split: str, found: Mapping[Volume, str]) -> Iterator[tuple[str, Source]]:
    """Give the checksum of each image of a split, and its source."""
    try:
        sources = run.experiment.catalogue.sources(split)
    except InputError:
        # They need not be on this machine for what is to be done with the others.
        return
    for source in sources:
        volume = Volume(split, source.name)
        sample = None if volume in found else run.experiment.prepared(volume)
        image = found.get(volume) or (sample.image_checksum if sample is not None else "")
        if image:
            yield image, source
