"""Images that serve for testing, and for training or validation too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from auxcpvloss.data.samples import Sample
from auxcpvloss.data.sources.source import Source
from auxcpvloss.experiment.ensemble import trainers
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.experiment.trained_on import recorded_volumes
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


def check_members(run: Run, samples: Iterable[Sample]) -> None:
    """Refuse test volumes that a member of an ensemble was trained on or selected with, unless it is allowed.

    One that is not scored needs a warning only, as above.
    """
    if run.experiment.config.data.allow_repeats:
        return
    for sample, member in _seen_by_members(run.experiment, samples, ("val", "train")):
        same = f"{sample.name}: {member}, a member of the ensemble, was trained on it or validated with it"
        if sample.has_truth:
            raise InputError(
                f"{same}; scores on it say nothing about other volumes. Remove it from the test volumes, or the "
                "experiment from prediction.ensemble, or set data.allow_repeats = true"
            )
        run.warn(f"{same}; how well the networks do there says nothing about other volumes")


def warn_of_members(run: Run, samples: Iterable[Sample]) -> None:
    """Warn of validation volumes that a member of an ensemble was trained on: thresholds that fit these may not fit."""
    found: dict[str, list[str]] = {}
    for sample, member in _seen_by_members(run.experiment, samples, ("train",)):
        found.setdefault(member, []).append(sample.name)
    for member, names in found.items():
        run.warn(
            f"{member}, a member of the ensemble, was trained on {', '.join(names)}, where it does better than on "
            "other volumes: thresholds chosen there may not fit others"
        )


def _seen_by_members(
    experiment: Experiment, samples: Iterable[Sample], splits: Iterable[str]
) -> Iterator[tuple[Sample, str]]:
    """Find the volumes that served members for something, and name the members; by the image, or by its file."""
    if not experiment.is_ensemble:
        return
    for member in trainers(experiment):
        known = {each.get("checksum") for each in recorded_volumes(member)} if "train" in splits else set()
        known |= {image for split in splits for image in _prepared_images(member, split)}
        for sample in samples:
            if known & {sample.image_checksum, sample.made_from.get("checksum")} - {"", None}:
                yield sample, member.folder.name


def _prepared_images(experiment: Experiment, split: str) -> set[str]:
    try:
        samples = [experiment.prepared(volume) for volume in experiment.volumes(split)]
    except InputError:
        # Neither its sources nor what was made of them is on this machine.
        return set()
    return {sample.image_checksum for sample in samples if sample is not None}


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
