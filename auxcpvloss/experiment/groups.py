"""Which groups of volumes an experiment has (data.groups), and which of them serve for more than one thing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from auxcpvloss.data.groups import group_of, groups_of
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.system.errors import InputError

SERVING = {"train": "training", "val": "validation", TEST: "test"}


def groups_in(experiment: Experiment, split: str) -> dict[str, str]:
    """Name the group of each volume of a split.

    Other test volumes than those of the experiment need not be named as the pattern says: each is a group of its own
    then. Otherwise an `InputError` says which volume has no group.
    """
    names, groups = experiment.names(split), experiment.config.data.groups
    if split == TEST and experiment.other_test:
        return {name: group_of(name, groups) or name for name in names}
    return groups_of(names, groups)


def shared_groups(experiment: Experiment) -> Iterator[str]:
    """Say which groups serve for two of training, validation and test, and what that does to scores.

    A split whose volumes are not on this machine is left out.
    """
    if not experiment.config.data.groups:
        return
    serving = {split: set(_listed(experiment, split).values()) for split in SERVING}
    for one, other in combinations(SERVING, 2):
        on_purpose = other == "val" and experiment.config.validation.on_train
        if not on_purpose and (both := sorted(serving[one] & serving[other])):
            scores = "validation" if other == "val" else "test"
            yield (
                f"groups in both {SERVING[one]} and {SERVING[other]} (data.groups): {', '.join(both)}; the scores of "
                f"{scores} say less about other groups than they seem to"
            )


def _listed(experiment: Experiment, split: str) -> dict[str, str]:
    try:
        experiment.names(split)
    except InputError:
        return {}
    return groups_in(experiment, split)
