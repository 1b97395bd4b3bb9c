"""Networks in training: one step after the other, from weights on disk and back to disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auxcpvloss.config.tables import Config
from auxcpvloss.methods.method import Method
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.checkpoint import load_checkpoint, save_checkpoint
from auxcpvloss.network.compiled import arguments, compile_network, is_finite, new_network, predict, train_only
from auxcpvloss.network.initial import Loaded, take_over
from auxcpvloss.network.plateau import Plateau

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Ready:
    """A batch, and its arrays as each network takes them, on the device."""

    batch: Batch
    arguments: Mapping[str, tuple[Any, Any]]


class Trainer:
    """Networks with their optimizers; loaded from a checkpoint they go on as those that wrote it would have.

    Parameters
    ----------
    config : Config
    method : Method
    initial : Path, optional
        ``.keras`` file of another training, see [init]; what was loaded from it is in `loaded`.

    Attributes
    ----------
    networks : mapping of name to keras.Model
        Each is trained on the targets of its own heads. Every method has one today, and a checkpoint holds one.

    Raises
    ------
    InputError
        Nothing in the file fits, or the optimizer does not exist.
    """

    def __init__(self, config: Config, method: Method, initial: Path | None = None) -> None:
        self._config = config
        network = new_network(config, method)
        self.networks: Mapping[str, keras.Model] = {network.name: network}
        self.loaded = take_over(network, method.heads, initial, config.init) if initial else Loaded()
        for each in self.networks.values():
            compile_network(each, config, method)
        plateau = config.optimizer.lr_schedule == "plateau"
        self._plateaus = [Plateau(config.optimizer, each.optimizer) for each in self.networks.values() if plateau]
        self._frozen = False

    @property
    def network(self) -> keras.Model:
        """The one network."""
        (network,) = self.networks.values()
        return network

    def load(self, checkpoint: Path) -> dict[str, Any]:
        """Load what `save` wrote; gives the notes. Raises as `load_checkpoint` does."""
        return load_checkpoint(self.network, checkpoint)

    def save(self, path: Path, notes: Mapping[str, Any] | None = None) -> None:
        """Write weights and optimizer, with notes, all or nothing."""
        save_checkpoint(self.network, path, notes or {})

    def freeze(self, iteration: int, layers: Collection[str]) -> None:
        """Freeze the layers that were loaded, if it is early enough for that after this iteration."""
        if iteration < self._config.init.freeze_iterations and layers:
            self._train_only(layers)

    def _train_only(self, frozen: Collection[str]) -> None:
        for network in self.networks.values():
            train_only(network, frozen)
        self._frozen = bool(frozen)

    def ready(self, batch: Batch) -> Ready:
        """Convert a batch, and put it on the device; another thread may do that during a step."""
        return Ready(batch, {name: arguments(network, batch) for name, network in self.networks.items()})

    def step(self, iteration: int, ready: Ready) -> dict[str, float]:
        """Train on a batch; gives the losses, ``loss`` and ``<head>_loss``."""
        if self._frozen and iteration > self._config.init.freeze_iterations:
            self._train_only(())
        losses = self._on(ready, "train_on_batch")
        for plateau in self._plateaus:
            plateau.add(losses["loss"])
        return losses

    def losses(self, batch: Batch) -> dict[str, float]:
        """Losses on a batch that is not trained on."""
        return self._on(self.ready(batch), "test_on_batch")

    def predict(self, batch: Batch) -> dict[str, Any]:
        """Output of the networks: {head: (B, C, Z, Y, X)}."""
        outputs: dict[str, Any] = {}
        for network in self.networks.values():
            outputs |= predict(network, batch.raw)
        return outputs

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self.network.optimizer.learning_rate)

    @property
    def is_finite(self) -> bool:
        """Whether all weights are numbers."""
        return all(map(is_finite, self.networks.values()))

    def _on(self, ready: Ready, function: str) -> dict[str, float]:
        """Call a function of each network on its part of a batch; adds up the losses."""
        total: dict[str, float] = {}
        for key, network in self.networks.items():
            losses = getattr(network, function)(*ready.arguments[key], return_dict=True)
            network.reset_metrics()
            for name, value in losses.items():
                total[name] = total.get(name, 0.0) + float(value)
        return total
