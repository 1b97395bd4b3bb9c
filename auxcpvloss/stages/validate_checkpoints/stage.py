"""Score every checkpoint with every set of parameters on the validation volumes, and choose."""

from __future__ import annotations

from collections.abc import Iterable

from auxcpvloss.experiment.results import Result
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Tally
from auxcpvloss.stages.validate_checkpoints import trained_models
from auxcpvloss.stages.validate_checkpoints.choose import Choosing
from auxcpvloss.stages.validate_checkpoints.trained_models import (
    averaged_selection_of,
    averages,
    show_averages,
    write_averaged,
)


class ValidateCheckpoints(Choosing):
    """``val/scores.csv`` and, for the stages to come, ``val/selection.toml``.

    They are in ``val_on_train/`` with ``validation.on_train``. With ``validation.trained_models`` the scores are the
    mean of those of other runs.
    """

    name, help = trained_models.NAME, "score every checkpoint with every set of parameters, and select the best"
    version = trained_models.VERSION

    def precondition_of_averages(self, run: Run) -> None:
        averages(run.experiment)

    def needed_splits(self, run: Run) -> list[str]:
        return [] if run.experiment.config.validation.trained_models else ["val"]

    def results(self, run: Run) -> Iterable[Result]:
        if run.experiment.config.validation.trained_models:
            return averaged_selection_of(run)
        return super().results(run)

    def make(self, result: Result, run: Run) -> None:
        if run.experiment.config.validation.trained_models:
            write_averaged(run, result)
        else:
            super().make(result, run)

    def say(self, run: Run, tally: Tally) -> None:
        if run.experiment.config.validation.trained_models:
            show_averages(run)
        else:
            super().say(run, tally)

    def plan(self, run: Run) -> str:
        if averaged := run.experiment.config.validation.trained_models:
            folder = run.experiment.folder / run.experiment.validation_split
            return f"select the best mean of {', '.join(averaged)} -> {folder}"
        return super().plan(run)
