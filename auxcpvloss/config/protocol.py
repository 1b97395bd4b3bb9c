"""Check the keys that together select volumes for training and validation."""

from __future__ import annotations

from collections.abc import Iterator

from auxcpvloss.config.tables import Config


def protocol_problems(config: Config) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield contradictions between data.num_folds, training.folds and [validation]: key and message."""
    number, folds, fold = config.data.num_folds, config.training.folds, config.validation.fold
    if number == 1:
        yield ("data", "num_folds"), "must be 0 (no folds) or at least 2, not 1"
    if number == 0:
        for key, value in {("training", "folds"): folds, ("validation", "fold"): fold}.items():
            if value:
                yield key, f"{value}: there are no folds; set data.num_folds"
    else:
        known = f"the folds are 1 to {number} (data.num_folds)"
        outside = [each for each in folds if each > number]
        if outside or len(set(folds)) < len(folds):
            yield ("training", "folds"), f"{folds}: {known}, each at most once"
        if fold > number:
            yield ("validation", "fold"), f"{fold}: {known}"
        elif fold == 0 and not config.validation.trained_models:
            yield ("data", "num_folds"), f"{number}: choose the fold that validates with validation.fold, 1 to {number}"
        elif fold in folds:
            yield (
                ("validation", "fold"),
                f"{fold}: also in training.folds = {folds}; a fold cannot be in both",
            )
    if config.validation.trained_models and config.validation.on_train:
        message = "cannot be true with validation.trained_models, which takes the checkpoint from other runs"
        yield ("validation", "on_train"), message
