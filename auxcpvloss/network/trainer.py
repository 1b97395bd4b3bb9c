"""A network in training: one step after the other, from weights on disk and back to disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auxcpvloss.config.tables import Config
from auxcpvloss.methods.method import Method
from auxcpvloss.network.checkpoint import is_finite, load_checkpoint, save_checkpoint
from auxcpvloss.network.compiled import compile_network, network_input, network_targets, new_network, train_only
from auxcpvloss.network.initial import Loaded, take_over
from auxcpvloss.network.plateau import Plateau

if TYPE_CHECKING:
    from auxcpvloss.network.batch import Batch


class Trainer:
    """A network with its optimizer and all that changes with the iterations.

    A trainer that is loaded from a checkpoint goes on as the one that wrote it would have.

    Parameters
    ----------
    config : Config
    method : Method
    initial : Path, optional
        ``.keras`` file of another training, see [init]; what was taken over is in `loaded`.

    Raises
    ------
    InputError
        Nothing in the file fits, or the optimizer does not exist.
    """

    def __init__(self, config: Config, method: Method, initial: Path | None = None) -> None:
        self._config = config
        self.network = new_network(config, method)
        self.loaded = take_over(self.network, method.heads, initial, config.init) if initial else Loaded()
        compile_network(self.network, config, method)
        plateau = config.optimizer.lr_schedule == "plateau"
        self._plateau = Plateau(config.optimizer, self.network.optimizer) if plateau else None
        self._frozen = False

    def load(self, checkpoint: Path) -> dict[str, Any]:
        """Load what `save` wrote; gives the notes.

        Raises
        ------
        InputError
            The file is damaged, or of another network.
        """
        return load_checkpoint(self.network, checkpoint)

    def freeze(self, iteration: int, taken_over: Collection[str]) -> None:
        """Freeze the layers that were taken over, if after this iteration it is early enough for that."""
        if iteration < self._config.init.freeze_iterations and taken_over:
            train_only(self.network, taken_over)
            self._frozen = True

    def step(self, iteration: int, batch: Batch) -> dict[str, float]:
        """Train on a batch; gives the losses, ``loss`` and ``<head>_loss``."""
        if self._frozen and iteration > self._config.init.freeze_iterations:
            train_only(self.network, ())
            self._frozen = False
        losses = self._on(batch, self.network.train_on_batch)
        if self._plateau:
            self._plateau.add(losses["loss"])
        return losses

    def losses(self, batch: Batch) -> dict[str, float]:
        """Losses on a batch that is not trained on."""
        return self._on(batch, self.network.test_on_batch)

    def predict(self, batch: Batch) -> dict[str, Any]:
        """Output of the network: {head: (B, Z, Y, X, C)}."""
        outputs: dict[str, Any] = self.network.predict_on_batch(network_input(batch.raw))
        return outputs

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self.network.optimizer.learning_rate)

    @property
    def is_finite(self) -> bool:
        """Whether all weights are numbers."""
        return is_finite(self.network)

    def save(self, path: Path, notes: Mapping[str, Any] | None = None) -> None:
        """Write weights and optimizer, with notes, at once."""
        save_checkpoint(self.network, path, notes or {})

    def _on(self, batch: Batch, function: Any) -> dict[str, float]:
        losses = function(network_input(batch.raw), network_targets(batch.targets, batch.region), return_dict=True)
        self.network.reset_metrics()
        return {name: float(value) for name, value in losses.items()}
