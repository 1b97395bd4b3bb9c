"""Networks in training: one step after the other, from weights on disk and back to disk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
from auxcpvloss.network.initial import Loaded, last_layers, take_over
from auxcpvloss.network.losses import loss_of
from auxcpvloss.network.plateau import Plateau
from auxcpvloss.network.step import Given, Losses, losses_only, objective, training_step

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Ready:
    """A batch, and its arrays as each network takes them, on the device."""

    batch: Batch
    arguments: Mapping[str, Given]


@dataclass(frozen=True)
class Begun:
    """An iteration that the device may still be busy with.

    Attributes
    ----------
    iteration : int
    batch : Batch
    losses : list of Losses
        Of each network, on the device.
    learning_rate : number on the device, or None
        Of the next iteration, where ``training.log_every`` asks for it.
    """

    iteration: int
    batch: Batch
    losses: Sequence[Losses]
    learning_rate: Any


class Trainer:
    """Networks with their optimizers; loaded from a checkpoint they go on as those that wrote it would have.

    Parameters
    ----------
    config : Config
    method : Method
    initial : Path, optional
        ``.keras`` file of another training, see [init]; what was loaded from it is in `loaded`.
    fractions : Fractions
        Needed where ``training.class_balance`` is "data".

    Attributes
    ----------
    networks : mapping of name to keras.Model
        Each is trained on the targets of its own heads. Every method has one today, and a checkpoint holds one.

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
        network = new_network(config, method)
        self.networks: Mapping[str, keras.Model] = {network.name: network}
        self.loaded = begin_with(network, method, initial, config) if initial else Loaded()
        for each in self.networks.values():
            compile_network(each, config)
        plateau = config.optimizer.lr_schedule == "plateau"
        self._plateaus = [Plateau(config.optimizer, each.optimizer) for each in self.networks.values() if plateau]
        averaged = self.networks.items() if config.optimizer.average else ()
        self._averages = {key: Average(each, config.optimizer.average) for key, each in averaged}
        self._frozen = False
        self._steps = self._compiled(training=True)
        self._evaluations = self._compiled(training=False)

    @property
    def network(self) -> keras.Model:
        """The one network."""
        (network,) = self.networks.values()
        return network

    def load(self, checkpoint: Path) -> dict[str, Any]:
        """Load what `save` wrote; gives the notes. Raises as `load_checkpoint` does."""
        notes = load_checkpoint(self.network, checkpoint)
        for average in self._averages.values():
            average.exchange()
        return notes

    def save(self, path: Path, notes: Mapping[str, Any] | None = None) -> None:
        """Write weights and optimizer, with notes, all or nothing; averages, if any, in place of the weights."""
        with self._averaged():
            save_checkpoint(self.network, path, notes or {})

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Have the networks compute with their averages, where ``optimizer.average`` asks for them."""
        with ExitStack() as stack:
            for average in self._averages.values():
                stack.enter_context(average.in_use())
            yield

    def freeze(self, iteration: int, layers: Collection[str]) -> None:
        """Freeze the layers that were loaded, if it is early enough for that after this iteration."""
        if iteration < self._config.init.freeze_iterations and layers:
            self._train_only(layers)

    def _train_only(self, frozen: Collection[str]) -> None:
        for network in self.networks.values():
            train_only(network, frozen)
        self._frozen = bool(frozen)
        self._steps = self._compiled(training=True)

    def _compiled(self, training: bool) -> dict[str, Callable[..., Losses]]:
        """Compile the steps of each network, or what gives its losses alone."""
        coefficients = {head.name: self._config.coefficient(head.name) for head in self._method.heads}
        compiled = {}
        for key, network in self.networks.items():
            by_head = {name: loss for name, loss in self._losses.items() if name in network.output}
            # What is not trained on is to be compared with other trainings, which may do without these levels.
            levels = self._levels if training else []
            losses = objective(network, by_head, coefficients, training, levels)
            after = self._averages[key].add if key in self._averages else None
            compiled[key] = training_step(network, losses, after) if training else losses_only(network, losses)
        return compiled

    def ready(self, batch: Batch) -> Ready:
        """Convert a batch, and put it on the device; another thread may do that during a step."""
        return Ready(batch, {name: arguments(network, batch) for name, network in self.networks.items()})

    def step(self, iteration: int, ready: Ready) -> Begun:
        """Train on a batch; does not wait for the device."""
        if self._frozen and iteration > self._config.init.freeze_iterations:
            self._train_only(())
        losses = [step(*ready.arguments[key]) for key, step in self._steps.items()]
        is_logged = iteration % self._config.training.log_every == 0
        return Begun(iteration, ready.batch, losses, self.network.optimizer.learning_rate if is_logged else None)

    @property
    def looks_back(self) -> bool:
        """Whether `finish` has to be called for each iteration before the next `step`."""
        return bool(self._plateaus)

    def finish(self, begun: Begun) -> dict[str, float]:
        """Wait for an iteration; gives its losses, ``loss`` and ``<head>_loss``. Takes each once, in order."""
        losses = _added(begun.losses)
        for plateau in self._plateaus:
            plateau.add(losses["loss"])
        return losses

    def losses(self, batch: Batch) -> dict[str, float]:
        """Losses on a batch that is not trained on, of the weights that a checkpoint predicts with."""
        given = self.ready(batch).arguments
        with self._averaged():
            return _added([evaluate(*given[key]) for key, evaluate in self._evaluations.items()])

    def predict(self, batch: Batch) -> dict[str, Any]:
        """Output of the networks: {head: (B, C, Z, Y, X)}."""
        outputs: dict[str, Any] = {}
        for network in self.networks.values():
            outputs |= predict(network, batch.raw)
        # Some networks have others in training.
        return {head.name: outputs[head.name] for head in self._method.heads if head.name in outputs}

    @property
    def is_finite(self) -> bool:
        """Whether all weights are numbers."""
        return all(map(is_finite, self.networks.values()))


def begin_with(network: keras.Model, method: Method, initial: Path, config: Config) -> Loaded:
    """Load the weights of another training, by [init]; those of a pretraining but for its last two layers."""
    name = config.scheme.name
    but = dict.fromkeys(last_layers(network), f"scheme.name = {name!r}") if config.scheme.finetunes else {}
    return take_over(network, method.heads, initial, config.init, but)


def _added(losses: Sequence[Losses]) -> dict[str, float]:
    """Fetch the losses of several networks, and add up those of the same name."""
    total: dict[str, float] = {}
    for each in losses:
        for name, value in each.items():
            total[name] = total.get(name, 0.0) + float(value)
    return total
