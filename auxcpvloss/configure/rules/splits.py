"""Which volumes serve for training, validation and test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from auxcpvloss.config.groups import GROUP
from auxcpvloss.configure import recipe
from auxcpvloss.configure.decision import Decision

NUMBERED = re.compile(r"(.+)([_\-. ][a-zA-Z]{0,2})\d+")
"""A name that ends with a number of its own, such as a time or a plane: Emb01_t301."""


def place(folder: str, is_flat: bool, number: int) -> Decision:
    """Decide where the volumes are: in a folder of the user, `number` of them if it has no folders of splits."""
    if not is_flat:
        return Decision("data.path", folder, "your volumes")
    if number < recipe.LEAST_TO_SPLIT:
        return Decision("data.train_data", folder, f"only {number} labelled, too few to set some apart for a test")
    return Decision("data.path", folder, "split at random into volumes for training, validation and test (data.split)")


def for_validation(training_place: str, number: int, groups: int) -> Iterator[Decision]:
    """Decide which volumes serve for validation where there are none for it, but a number for training, in groups."""
    if groups < 2 or number < recipe.LEAST_TO_DEAL:
        why = (
            "too few volumes to keep one for validation: those for training serve, so that scores of validation are "
            "too good. Do not compare methods by them; label another volume if you can"
        )
        yield Decision("data.val_data", training_place, why)
        return
    folds = min(recipe.FOLDS, groups)
    yield Decision("data.num_folds", folds, "no volumes for validation: one part of those for training is kept for it")
    yield Decision("validation.fold", 1, f"train on all parts but this one; 1 to {folds}")


def group_pattern(names: Sequence[str]) -> str:
    """Find volumes that seem to belong together, such as times of one embryo: all end with a number of the same kind.

    Gives the value of ``data.groups``; "" where there is but one group, or every volume would be one.
    """
    matches = [NUMBERED.fullmatch(name) for name in names]
    ends = {match and match[2] for match in matches}
    if len(ends) != 1 or None in ends or not 1 < len({match and match[1] for match in matches}) < len(names):
        return ""
    return f"{GROUP}{ends.pop()}*"
