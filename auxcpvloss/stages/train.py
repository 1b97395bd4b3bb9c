"""Train the network."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from auxcpvloss.data.samples import Sample
from auxcpvloss.errors import InputError, StageError
from auxcpvloss.experiment import Experiment, plain
from auxcpvloss.files import replacing, write_text
from auxcpvloss.pipeline.batches import batches
from auxcpvloss.stages.needs import lacking
from auxcpvloss.stages.trained_models import select_by_trained_models
from auxcpvloss.stages.training_log import TrainingLog
from auxcpvloss.terminal import Bar, Terminal

if TYPE_CHECKING:
    import keras

    from auxcpvloss.pipeline.training import Batch

logger = logging.getLogger(__name__)


def train(experiment: Experiment, terminal: Terminal) -> None:
    """Train up to ``training.max_iterations``, going on from the newest checkpoint.

    Raises
    ------
    InputError
        The folder holds checkpoints of a training with other keys or data.
    StageError
        A worker died, or the loss is no longer a number; checkpoints are kept.
    """
    config = experiment.config
    if config.validation.trained_models:
        select_by_trained_models(experiment, terminal)
    last = experiment.last_iteration
    samples = _samples(experiment)
    _claim(experiment, samples)
    first = max(experiment.checkpoints(), default=0)
    if first >= last:
        terminal.say(f"whole already: checkpoint of iteration {first} in {experiment.train_folder}")
        return
    if first:
        terminal.say(f"going on from the checkpoint of iteration {first}")
    paths = [sample.path for sample in samples]
    with batches(paths, experiment.method.name, config, first, last) as stream:
        from auxcpvloss.network.compiled import training_network

        network = training_network(config, experiment.method)
        if first:
            network.load_weights(experiment.checkpoint_path(first))
        with (
            TrainingLog(experiment.train_folder, first) as log,
            terminal.progress("iterations", last, first) as bar,
        ):
            _iterate(experiment, network, stream, range(first, last), log, bar)
    terminal.say(f"{last} iterations, loss {log.summary()}; checkpoints in {experiment.train_folder / 'checkpoints'}")


def _iterate(
    experiment: Experiment, network: keras.Model, stream: Any, todo: range, log: TrainingLog, bar: Bar
) -> None:
    from auxcpvloss.network.compiled import network_input, network_targets

    table = experiment.config.training
    began = perf_counter()
    for iteration, batch in enumerate(stream, start=todo.start + 1):
        raw = network_input(batch.raw)
        losses = network.train_on_batch(raw, network_targets(batch.targets, batch.region), return_dict=True)
        network.reset_metrics()
        if not math.isfinite(losses["loss"]):
            raise StageError(
                f"The loss is no longer a number at iteration {iteration}. Checkpoints up to here are kept in "
                f"{experiment.train_folder / 'checkpoints'}; try a smaller optimizer.lr."
            )
        speed = (iteration - todo.start) / (perf_counter() - began)
        log.add(iteration, losses)
        if iteration % table.log_every == 0:
            log.write(iteration, float(network.optimizer.learning_rate), speed)
        bar.update(iteration, f"{speed:.2f} it/s  loss {log.summary()}")
        if table.snapshots and iteration % table.snapshots == 0:
            _snapshot(experiment.train_folder, iteration, batch, network.predict_on_batch(raw))
        if iteration % table.checkpoints == 0 or iteration == todo.stop:
            with replacing(experiment.checkpoint_path(iteration)) as beside:
                network.save(beside)
            logger.info("checkpoint of iteration %d, %.2f it/s, loss %s", iteration, speed, log.summary())


def _samples(experiment: Experiment) -> list[Sample]:
    samples = experiment.samples("train")
    if not samples:
        raise lacking("train")
    sizes = {sample.name: sample.voxel_size for sample in samples}
    reference = samples[0].voxel_size
    for name, size in sizes.items():
        if not np.allclose(np.divide(size, size[-1]), np.divide(reference, reference[-1]), rtol=0.05):
            raise InputError(
                f"{samples[0].name} has voxels of {reference}, {name} of {size}: volumes that train one network need "
                "voxels of the same proportions. Resample them, or set data.voxel_size if the files are wrong."
            )
    return samples


def _claim(experiment: Experiment, samples: list[Sample]) -> None:
    """Record what the weights depend on; refuse to mix with weights that depend on something else."""
    made_from = {sample.name: sample.made_from for sample in samples}
    experiment.refuse_other_training(made_from)
    record = {**experiment.training_keys(), "samples": plain(made_from)}
    write_text(experiment.train_folder / "made_from.json", json.dumps(record, indent=2) + "\n")


def _snapshot(folder: Path, iteration: int, batch: Batch, prediction: dict[str, Any]) -> None:
    """Write a batch, with its targets and the network's output, for inspection: arrays (B, C, Z, Y, X)."""
    with replacing(folder / "snapshots" / f"batch_{iteration:08d}.hdf") as beside, h5py.File(beside, "w") as file:
        arrays: dict[str, Any] = {"raw": batch.raw, "region": batch.region}
        arrays |= {f"gt_{name}": target for name, target in batch.targets.items()}
        arrays |= {f"pred_{name}": np.moveaxis(output, -1, 1) for name, output in prediction.items()}
        for name, array in arrays.items():
            dataset = file.create_dataset(f"volumes/{name}", data=array, compression="gzip", compression_opts=1)
            # Targets lie in the middle of the input.
            dataset.attrs["offset"] = (np.array(batch.raw.shape[2:]) - array.shape[2:]) // 2
