"""Choose the parameters for one checkpoint, as validate_checkpoints does for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auxcpvloss.experiment.means import Checkpoint, checkpoint_from
from auxcpvloss.experiment.results import State
from auxcpvloss.experiment.selection_file import selection_record
from auxcpvloss.stages.chosen_checkpoint import checkpoint_to_validate
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.validate_checkpoints.choose import Choosing
from auxcpvloss.stages.validate_checkpoints.scoring import validation_samples
from auxcpvloss.stages.validate_checkpoints.selected_from import selection_of


class Validate(Choosing):
    """``val/scores_<checkpoint>.csv`` and ``val/selection.toml``."""

    name, help = "validate", "select parameters for one checkpoint (--checkpoint N)"
    in_all = False

    def checkpoints(self, run: Run) -> Sequence[Checkpoint]:
        return run.remember("checkpoints", lambda: [checkpoint_to_validate(run)])

    def table_name(self, run: Run) -> str:
        return f"scores_{self.checkpoints(run)[0]}.csv"

    def states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        tables = sorted(run.experiment.selection_path.parent.glob("scores_*.csv"))
        samples = validation_samples(run) if tables else []
        for table in tables:
            made_from = selection_of(run, [checkpoint_from(table.stem.removeprefix("scores_"))], samples).record
            yield "table", table.name, run.state(self.beside(run, "table", table, made_from))

    def planned_checkpoints(self, run: Run) -> str:
        if run.choice.checkpoint is not None:
            return f"checkpoint {run.choice.checkpoint}"
        chosen = run.choice.which == "best" and selection_record(run.experiment)
        return "the selected checkpoint" if chosen else "the newest checkpoint"
