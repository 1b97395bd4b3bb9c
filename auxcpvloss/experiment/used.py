"""Which part of the volumes an experiment trains and validates on (data.use), for people."""

from __future__ import annotations

from collections.abc import Iterator

from auxcpvloss.data.sources.source import Source
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.pretraining import Pretraining
from auxcpvloss.experiment.splits import Volume, is_drawn
from auxcpvloss.system.errors import InputError

SERVING = {"train": "training", "val": "validation"}


def used_sources(experiment: Experiment, split: str) -> list[Source]:
    """List the volumes of a split of the data, without those for training or validation that were not drawn.

    Raises
    ------
    InputError
        They cannot be listed, or drawn.
    """
    sources = experiment.catalogue.sources(split)
    if split not in SERVING or not is_drawn(experiment.config.data):
        return sources
    used = {volume for serving in SERVING for volume in experiment.volumes(serving)}
    if experiment.config.scheme.stages:
        used |= set(Pretraining.of(experiment).volumes("train"))
    return [source for source in sources if Volume(split, source.name) in used]


def used_in_words(experiment: Experiment) -> Iterator[str]:
    """Say how many volumes were drawn of how many, such as "12 of 448 training volumes (data.use, seed 1)".

    Nothing where all serve; a split whose volumes are not on this machine is left out.
    """
    data = experiment.config.data
    if not is_drawn(data):
        return
    for split, what in SERVING.items():
        try:
            used, there = len(experiment.volumes(split)), len(experiment.candidates(split))
        except InputError:
            continue
        if there:
            yield f"{used} of {there} {what} volumes (data.use, seed {data.use_seed})"
