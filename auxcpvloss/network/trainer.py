"""A network in training: one step after the other, from weights on disk and back to disk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from auxcpvloss.config.tables import Config
from auxcpvloss.methods.method import Method
from auxcpvloss.network.average import Average
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.checkpoint import load_checkpoint, save_checkpoint
from auxcpvloss.network.class_losses import Fractions
from auxcpvloss.network.compiled import arguments, compile_network, is_finite, new_network, predict, train_only
from auxcpvloss.network.deep_supervision import coarse_levels
from auxcpvloss.network.encoder_weights import take_encoder
from auxcpvloss.network.initial import Loaded, take_over
from auxcpvloss.network.losses import loss_of
from auxcpvloss.network.plateau import Plateau
from auxcpvloss.network.step import Given, Losses, losses_only, objective, training_step

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Ready:
    """A batch, and its arrays as the steps take them, on the device."""

    batch: Batch
    arguments: Given


@dataclass(frozen=True)
class Begun:
    """An iteration that the device may still be busy with.

    Attributes
    ----------
    iteration : int
    batch : Batch
    losses : Losses
        On the device.
    learning_rate : number on the device, or None
        Of the next iteration, where ``training.log_every`` asks for it.
    """

    iteration: int
    batch: Batch
    losses: Losses
    learning_rate: Any


class Trainer:
    """A network with its optimizer; loaded from a checkpoint it goes on as the one that wrote it would have.

    Where the heads have several networks, it is all of them: parts that share nothing but the input. The loss is the
    sum over all heads, of which a part gets the gradients of its own.

    Parameters
    ----------
    config : Config
    method : Method
    initial : Path, optional
        File of initial weights, see [init]; what was loaded from it is in `loaded`.
    fractions : Fractions
        Needed where ``training.class_balance`` is "data".

    Attributes
    ----------
    network : keras.Model
    loaded : Loaded

    Raises
    ------
    InputError
        Nothing in the file fits, or the optimizer does not exist.
    """

    def __init__(
        self,
        config: Config,
        method: Method,
        initial: Path | None = None,
        fractions: Fractions = MappingProxyType({}),
    ) -> None:
        self._config, self._method = config, method
        self._losses = {head.name: loss_of(head, config, fractions) for head in method.heads}
        self._levels = coarse_levels(config.model) if config.training.deep_supervision else []
        self.network = new_network(config, method)
        self.loaded = begin_with(self.network, method, initial, config) if initial else Loaded()
        compile_network(self.network, config, method.heads)
        plateau = config.optimizer.lr_schedule == "plateau"
        self._plateau = Plateau(config.optimizer, self.network.optimizer) if plateau else None
        self._average = Average(self.network, config.optimizer.average) if config.optimizer.average else None
        self._frozen = False
        self._step = self._compiled_step()
        self._evaluate = losses_only(self.network, self._objective(training=False))

    def load(self, checkpoint: Path) -> dict[str, Any]:
        """Load what `save` wrote; gives the notes. Raises as `load_checkpoint` does."""
        notes = load_checkpoint(self.network, checkpoint)
        if self._average:
            self._average.exchange()
        return notes

    def save(self, path: Path, notes: Mapping[str, Any] | None = None) -> None:
        """Write weights and optimizer, with notes, all or nothing; averages, if any, in place of the weights."""
        with self._averaged():
            save_checkpoint(self.network, path, notes or {})

    def _averaged(self) -> AbstractContextManager[None]:
        """Have the network compute with the averages of its weights, where ``optimizer.average`` asks for them."""
        return self._average.in_use() if self._average else nullcontext()

    def freeze(self, iteration: int, layers: Collection[str]) -> None:
        """Freeze the layers that were loaded, if it is early enough for that after this iteration."""
        if iteration < self._config.init.freeze_iterations and layers:
            self._train_only(layers)

    def _train_only(self, frozen: Collection[str]) -> None:
        train_only(self.network, frozen)
        self._frozen = bool(frozen)
        self._step = self._compiled_step()

    def _compiled_step(self) -> Callable[..., Losses]:
        after = self._average.add if self._average else None
        return training_step(self.network, self._objective(training=True), after)

    def _objective(self, training: bool) -> Callable[..., dict[str, Any]]:
        coefficients = {head.name: self._config.coefficient(head.name) for head in self._method.heads}
        # What is not trained on is to be compared with other trainings, which may do without these levels.
        return objective(self.network, self._losses, coefficients, training, self._levels if training else [])

    def ready(self, batch: Batch) -> Ready:
        """Convert a batch, and put it on the device; another thread may do that during a step."""
        return Ready(batch, arguments(self.network, batch))

    def step(self, iteration: int, ready: Ready) -> Begun:
        """Train on a batch; does not wait for the device."""
        if self._frozen and iteration > self._config.init.freeze_iterations:
            self._train_only(())
        losses = self._step(*ready.arguments)
        is_logged = iteration % self._config.training.log_every == 0
        return Begun(iteration, ready.batch, losses, self.network.optimizer.learning_rate if is_logged else None)

    @property
    def looks_back(self) -> bool:
        """Whether `finish` has to be called for each iteration before the next `step`."""
        return self._plateau is not None

    def finish(self, begun: Begun) -> dict[str, float]:
        """Wait for an iteration; gives its losses, ``loss`` and ``<head>_loss``. Takes each once, in order."""
        losses = _fetched(begun.losses)
        if self._plateau:
            self._plateau.add(losses["loss"])
        return losses

    def losses(self, batch: Batch) -> dict[str, float]:
        """Losses on a batch that is not trained on, of the weights that a checkpoint predicts with."""
        given = self.ready(batch).arguments
        with self._averaged():
            return _fetched(self._evaluate(*given))

    def predict(self, batch: Batch) -> dict[str, Any]:
        """Output of the network: {head: (B, C, Z, Y, X)}."""
        outputs = predict(self.network, batch.raw)
        # Some networks have others in training.
        return {head.name: outputs[head.name] for head in self._method.heads}

    @property
    def is_finite(self) -> bool:
        """Whether all weights are numbers."""
        return is_finite(self.network)


def begin_with(network: keras.Model, method: Method, initial: Path, config: Config) -> Loaded:
    """Load the weights of an encoder or a training, by [init]; those of a pretraining but for its last two layers."""
    if config.init.encoder_weights:
        return take_encoder(network, config.model, initial)
    scheme = config.scheme.name if config.scheme.finetunes else ""
    return take_over(network, method.heads, initial, config.init, scheme)


def _fetched(losses: Losses) -> dict[str, float]:
    return {name: float(value) for name, value in losses.items()}
