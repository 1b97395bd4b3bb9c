"""Where in the folder of an experiment weights and results are, and which of them there are."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from auxcpvloss.experiment.checkpoints import Checkpoints
from auxcpvloss.experiment.configured import TEST, Configured
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.methods import Params


@dataclass(frozen=True)
class WithResults(Configured):
    """The folder of an experiment, with what was trained and what was made with it."""

    @property
    def is_ensemble(self) -> bool:
        """Whether it averages the predictions of others (``prediction.ensemble``), and is not trained."""
        return bool(self.config.prediction.ensemble)

    @property
    def train_folder(self) -> Path:
        """Checkpoints, logs, snapshots and the description of the networks."""
        return self.folder / "train"

    @property
    def checkpoints(self) -> Checkpoints:
        """The weights that its training wrote."""
        return Checkpoints(self.train_folder, self.is_ensemble)

    @property
    def is_trained(self) -> bool:
        """Whether there are weights: of an iteration that checkpoints are asked for, or of a training cut short."""
        return any(path for kind in ("checkpoints", "resume") for path in self.train_folder.glob(f"{kind}/[!.]*.keras"))

    @property
    def newest_snapshot(self) -> Path | None:
        """File of the newest batch that the training kept."""
        return max((self.train_folder / "snapshots").glob("batch_*.hdf"), default=None)

    @property
    def validation_split(self) -> str:
        """Folder of the results of validation; apart where the volumes are those that the network was trained on."""
        return "val_on_train" if self.config.validation.on_train else "val"

    def results(self, split: str) -> Path:
        """Folder of the results of a split."""
        return self.folder / split / (self.other_test if split == TEST else "")

    def predicted(self, split: str) -> list[int]:
        """Iterations of checkpoints that predictions of a split were made with, in order."""
        # Not those that are being written.
        found = (self.results(split) / "processed").glob("*/[!.]*.zarr")
        return sorted({int(path.parent.name) for path in found if path.parent.name.isdecimal()})

    @property
    def is_predicted(self) -> bool:
        """Whether there are predictions, for which no weights are needed."""
        return any(self.predicted(split) for split in (TEST, self.validation_split))

    def usable_checkpoints(self, split: str) -> list[int]:
        """Iterations to go on from: checkpoints, or where they were not brought along, what was predicted with them."""
        return self.checkpoints.iterations() or self.predicted(split)

    def need_usable(self, split: str, checkpoint: Checkpoint) -> None:
        """Refuse a checkpoint that does not exist (see `Checkpoints.need`) and has left no predictions of a split."""
        if not any(self.processed(split, checkpoint, "any").parent.glob("[!.]*.zarr")):
            self.checkpoints.need(checkpoint)

    def processed(self, split: str, checkpoint: Checkpoint, sample: str) -> Path:
        """Prediction of a sample."""
        return self.results(split) / "processed" / str(checkpoint) / f"{sample}.zarr"

    def instanced(self, split: str, checkpoint: Checkpoint, params: Params, sample: str) -> Path:
        """Instances of a sample."""
        suffix = "hdf" if self.config.postprocessing.output_format == "hdf" else "zarr"
        return self.results(split) / "instanced" / str(checkpoint) / params.slug() / f"{sample}.{suffix}"

    def evaluated(self, split: str, checkpoint: Checkpoint, params: Params) -> Path:
        """Folder of the scores of a split."""
        return self.results(split) / "evaluated" / str(checkpoint) / params.slug()

    def visualized(self, split: str, checkpoint: Checkpoint, params: Params) -> Path:
        """Folder of the pictures of predictions of a split."""
        return self.results(split) / "visualized" / str(checkpoint) / params.slug()

    def exported(self, split: str, checkpoint: Checkpoint, params: Params) -> Path:
        """Folder of the results of a split in the formats of other programs."""
        return self.results(split) / "exported" / str(checkpoint) / params.slug()

    @cached_property
    def was_validated_plainly(self) -> bool:
        """Whether a selection is there that no values were tried for: made before validation tried some by itself.

        Looked at once, since a command that makes it again moves it away.
        """
        try:
            table = tomllib.loads(self.selection_path.read_text(encoding="utf-8"))
            return table["made_from"].get("validation") == {}
        # What is damaged is told where it is read.
        except (OSError, ValueError, LookupError, AttributeError, TypeError):
            return False

    @property
    def report_path(self) -> Path:
        """The page that says how the experiment came out."""
        return (self.results(TEST) if self.other_test else self.folder) / "report.html"

    @property
    def selection_path(self) -> Path:
        """Where validate_checkpoints writes what won."""
        return self.folder / self.validation_split / "selection.toml"
