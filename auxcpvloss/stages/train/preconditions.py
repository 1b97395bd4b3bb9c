"""What a training needs, checked before hours are spent on the stages that come first."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from auxcpvloss.config import Config
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.untrusted.limits import check_bytes
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.pretraining import FOLDER, need_denoiser
from auxcpvloss.experiment.selection_file import last_iteration
from auxcpvloss.experiment.training_record import other_training
from auxcpvloss.network.architectures import check_memory
from auxcpvloss.pipeline.memory import WORKER
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.train.initial import initial_checkpoint
from auxcpvloss.system.errors import InputError


def looks_at_validation(experiment: Experiment) -> list[str]:
    """Give the keys of [training] by which the training looks at the validation volumes."""
    return [key for key in ("validation_batches", "early_stop") if getattr(experiment.config.training, key)]


def need_masks(experiment: Experiment, samples: Iterable[Sample]) -> None:
    """Refuse volumes with points only for a method that segments.

    Raises
    ------
    InputError
        Names the first such volume, the method, and what to do.
    """
    if experiment.method.learns_from_images:
        return
    for sample in samples:
        if sample.is_sparse and not experiment.method.learns_from_points:
            raise InputError(
                f"{sample.name}: has center points but no masks, and model.method = {experiment.method.name!r} "
                "learns from masks. Use model.method = 'gauss', which learns from points, add masks/, or remove the "
                "volume."
            )


def need_training(run: Run) -> None:
    """Refuse a training whose optimizer, arithmetic, initial weights or validation cannot be what the keys say.

    Raises
    ------
    InputError
        Names the key.
    """
    # A plan does without TensorFlow, which takes seconds to import and talks.
    if not run.planning:
        run.remember("training is possible", lambda: _check(run.experiment, FOLDER in run.stages))


def _check(experiment: Experiment, is_pretrained_first: bool) -> bool:
    config = experiment.config
    check_memory(config)
    check_workers(config)
    for key in looks_at_validation(experiment):
        if config.validation.trained_models:
            raise InputError(
                f"training.{key}: with validation.trained_models, all volumes are used for training; set it to 0."
            )
        if not experiment.names("val"):
            raise InputError(
                f"training.{key}: there are no validation volumes; set data.val_data, or set this key to 0."
            )
    goes_on = experiment.is_trained and other_training(experiment) is None
    begins = config.scheme.finetunes and not is_pretrained_first
    if begins and (not goes_on or (experiment.folder / FOLDER).exists()):
        need_denoiser(experiment)
    is_done = goes_on and max(experiment.checkpoints.iterations(), default=0) >= last_iteration(experiment)
    # What has trained to the end has shown that it can, without the seconds that Keras takes to import.
    if not is_done or config.training.precision != "float32":
        unknown = goes_on or (config.scheme.finetunes and is_pretrained_first)
        _try_network(experiment, None if unknown else initial_checkpoint(experiment))
    return True


def _try_network(experiment: Experiment, initial: Path | None) -> None:
    from auxcpvloss.network.compiled import check_precision, new_network
    from auxcpvloss.network.optimizer import check_optimizer
    from auxcpvloss.network.trainer import begin_with

    config, method = experiment.config, experiment.method
    check_optimizer(config.optimizer)
    check_precision(config.training.precision)
    if initial:
        begin_with(new_network(config, method), method, initial, config)


def check_workers(config: Config) -> None:
    """Refuse more processes than memory has room for.

    Raises
    ------
    InputError
        Names the key.
    """
    for table in ("training", "validation"):
        number = getattr(config, table).num_workers
        check_bytes(f"{table}.num_workers: {number} processes", number * WORKER, "Take fewer.")
