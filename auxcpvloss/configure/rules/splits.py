"""Which volumes serve for training, validation and test."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from auxcpvloss.configure import recipe
from auxcpvloss.configure.decision import Decision

NUMBERED = re.compile(r"(.+?)[_\-. ][a-zA-Z]{0,2}\d+")
"""A name that ends with a number of its own, such as a time or a plane: Emb01_t301."""


def place(folder: str, is_flat: bool, number: int) -> Decision:
    """Decide where the volumes are: in a folder of the user, `number` of them if it has no folders of splits."""
    if not is_flat:
        return Decision("data.path", folder, "your volumes")
    if number < recipe.LEAST_TO_SPLIT:
        return Decision("data.train_data", folder, f"only {number} labelled, too few to set some apart for a test")
    return Decision("data.path", folder, "split at random into volumes for training, validation and test (data.split)")


def for_validation(training_place: str, number: int) -> Iterator[Decision]:
    """Decide which volumes serve for validation where there are none for it, but so many for training."""
    if number < recipe.LEAST_TO_DEAL:
        why = (
            "too few volumes to keep one for validation: those for training serve, so that scores of validation are "
            "too good. Do not compare methods by them; label another volume if you can"
        )
        yield Decision("data.val_data", training_place, why)
        return
    folds = min(recipe.FOLDS, number)
    yield Decision("data.num_folds", folds, "no volumes for validation: one part of those for training is kept for it")
    yield Decision("validation.fold", 1, f"train on all parts but this one; 1 to {folds}")


def groups(names: Sequence[str]) -> dict[str, list[str]]:
    """Find volumes that seem to belong together, such as times of one embryo: prefix -> names.

    Their names differ by a number at the end; nothing is found if all belong together, or most to nothing.
    """
    matches = {name: match[1] for name in names if (match := NUMBERED.fullmatch(name))}
    counts = Counter(matches.values())
    found = {prefix: [name for name in names if matches.get(name) == prefix] for prefix, n in counts.items() if n > 1}
    together = sum(map(len, found.values()))
    return found if len(found) > 1 and 2 * together >= len(names) else {}
