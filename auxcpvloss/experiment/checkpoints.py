"""The checkpoints of an experiment: which there are, where they lie, and the means of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from auxcpvloss.experiment.means import Checkpoint, digest_of_mean, need_mean, sources_of
from auxcpvloss.system.checksums import known_digest
from auxcpvloss.system.errors import InputError

ENSEMBLE = 0
"""Number of the checkpoint of an ensemble: those that its members selected."""


@dataclass(frozen=True)
class Checkpoints:
    """The weights that a training wrote.

    Attributes
    ----------
    train_folder : Path
        Folder of the training.
    is_ensemble : bool
        Whether there is no training, but the checkpoint `ENSEMBLE` instead.
    """

    train_folder: Path
    is_ensemble: bool = False

    def path(self, checkpoint: Checkpoint) -> Path:
        """File of the weights and the state of the optimizer after so many iterations; or of a mean of weights."""
        if isinstance(checkpoint, str):
            return self.train_folder / "averaged" / f"{checkpoint}.keras"
        return self.train_folder / "checkpoints" / f"{checkpoint:08d}.keras"

    def resume_path(self, iteration: int) -> Path:
        """File of the same, of a training that was ended between two checkpoints."""
        return self.train_folder / "resume" / f"{iteration:08d}.keras"

    def iterations(self) -> list[int]:
        """Iterations of which there is a checkpoint, in order."""
        if self.is_ensemble:
            return [ENSEMBLE]
        return sorted(self._files("checkpoints"))

    def states(self) -> dict[int, Path]:
        """Files from which training can go on, by iteration, in order: checkpoints, and what was left between two."""
        return dict(sorted((self._files("resume") | self._files("checkpoints")).items()))

    def has(self, checkpoint: Checkpoint) -> bool:
        """Whether the file of a checkpoint is there, or of a mean what it is made of."""
        return self.path(checkpoint).is_file() or bool(self._sources(checkpoint))

    def digest(self, checkpoint: Checkpoint) -> str:
        """Sha256, in hex, of a checkpoint, read once as long as it stays as it is; errors are those of `need`."""
        if isinstance(checkpoint, str):
            known = digest_of_mean(self.path(checkpoint), self._sources(checkpoint))
            if known:
                return known
        return known_digest(self.need(checkpoint))

    def need(self, checkpoint: Checkpoint) -> Path:
        """Path of a checkpoint, of a mean one that is written if need be; an `InputError` lists those that exist."""
        if isinstance(checkpoint, str):
            return need_mean(self.path(checkpoint), self._sources(checkpoint))
        there = self.iterations()
        if checkpoint in there:
            return self.path(checkpoint)
        raise InputError(
            f"no checkpoint of iteration {checkpoint} in {self.train_folder}; available: "
            f"{', '.join(map(str, there)) or 'none'}.",
            "Run the stage train, or set --checkpoint to one of these.",
        )

    def _files(self, kind: str) -> dict[int, Path]:
        found = self.train_folder.glob(f"{kind}/*.keras")
        return {int(path.stem): path for path in found if path.stem.isdecimal()}

    def _sources(self, checkpoint: Checkpoint) -> dict[int, Path]:
        return sources_of(checkpoint, self._files("checkpoints")) if isinstance(checkpoint, str) else {}
