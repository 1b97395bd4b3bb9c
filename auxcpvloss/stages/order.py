"""The stages, in order, and what is done with those that were asked for."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Protocol

from auxcpvloss.methods import Method
from auxcpvloss.network.bfloat16 import choose_instruction_sets
from auxcpvloss.stages.calibrate import Calibrate
from auxcpvloss.stages.cross_validate import CrossValidate
from auxcpvloss.stages.denoise import Denoise, need_denoised, noisy
from auxcpvloss.stages.evaluate import Evaluate
from auxcpvloss.stages.export.stage import Export
from auxcpvloss.stages.label import Label
from auxcpvloss.stages.mknet import Mknet
from auxcpvloss.stages.perform import perform
from auxcpvloss.stages.postprocess import Postprocess
from auxcpvloss.stages.predict import Predict
from auxcpvloss.stages.prepare import Prepare, PrepareMissing
from auxcpvloss.stages.pretrain import Pretrain
from auxcpvloss.stages.report import Report
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.stage import Stage
from auxcpvloss.stages.train.stage import Train
from auxcpvloss.stages.validate import Validate
from auxcpvloss.stages.validate_checkpoints.choose import Validation
from auxcpvloss.stages.validate_checkpoints.stage import ValidateCheckpoints
from auxcpvloss.stages.visualize.stage import Visualize
from auxcpvloss.system.backends import BACKENDS, chosen, gpus, need_backend
from auxcpvloss.system.errors import InputError, LeftOutError
from auxcpvloss.system.gpu import Device, choose_device
from auxcpvloss.system.keras_settings import passed_over

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Prepare(),
        Pretrain(),
        Denoise(),
        Mknet(),
        Train(),
        ValidateCheckpoints(),
        Validate(),
        CrossValidate(),
        Predict(),
        Label(),
        Evaluate(),
        Calibrate(),
        Postprocess(),
        Visualize(),
        Export(),
        # Last, so that it can show what postprocess made.
        Report(),
    )
}


class Recording(Protocol):
    """Told when each stage begins and ends."""

    def begin(self, stage: str) -> None:
        """A stage begins."""

    def end(self) -> None:
        """It is done."""


def wanted(
    names: Collection[str],
    choice: Choice,
    is_ensemble: bool = False,
    method: Method | None = None,
    by_scheme: Collection[str] = (),
) -> tuple[str, ...]:
    """Give the stages that were asked for, in order.

    "all" leaves validation out where its choice is not used, the training where there is none, and what does not apply
    to the method. It means the stages that the scheme needs, `by_scheme`, too.
    """
    skipped = "validate_checkpoints" if choice.checkpoint is not None or choice.which == "last" else ""
    meant = (stage for stage in STAGES.values() if stage.in_all or stage.name in by_scheme)
    meant = (stage for stage in meant if not (stage.trains and is_ensemble))
    meant = (stage for stage in meant if method is None or stage.applies_to(method))
    every = {stage.name for stage in meant if stage.name != skipped} if "all" in names else set()
    return tuple(name for name in STAGES if name in names or name in every)


def is_before_training(names: Collection[str]) -> bool:
    """Whether stages make a denoiser or what it gives, and nothing that depends on the weights of the training."""
    before = {Prepare.name, Pretrain.name, Denoise.name}
    return before >= set(names) and bool(set(names) - {Prepare.name})


def until_end(run: Run) -> list[Stage]:
    """Give the stages that are run: with `term_after_predict` up to the first that makes predictions.

    Raises
    ------
    InputError
        None of them makes predictions.
    """
    stages = [STAGES[name] for name in run.stages]
    if not run.choice.term_after_predict:
        return stages
    for number, stage in enumerate(stages, start=1):
        # The mean of other runs chooses without predictions.
        averages = isinstance(stage, ValidateCheckpoints) and run.experiment.config.validation.trained_models
        if isinstance(stage, Predict) or (isinstance(stage, Validation) and not averages):
            return stages[:number]
    raise InputError(
        f"--term_after_predict: none of the stages makes predictions ({', '.join(run.stages)}); remove the option."
    )


def run_stages(run: Run, recorder: Recording | None = None) -> None:
    """Run the stages that were asked for, in order, and tell `recorder` when each begins and ends.

    Raises
    ------
    InputError
        A stage lacks what it needs; what can be known before the first stage is said before it. Or, at the end, test
        volumes were left out.
    """
    todo = until_end(run)
    _check_applicable(run, todo)
    run.notes.say = run.terminal.say
    with_network = next((stage for stage in todo if stage.uses_network), None)
    device = None
    if with_network:
        need_backend(run.experiment.config.general.backend)
        # Before anything imports the backend, which takes what it sees then.
        choose_instruction_sets(run.experiment.config, os.environ)
        device = choose_device(os.environ)
    for stage in todo:
        stage.precondition(run)
    if "prepare" not in run.stages:
        _prepare_missing(run, todo)
        _check_volumes(run, todo)
    for stage in todo:
        run.terminal.stage = stage.name
        if recorder:
            recorder.begin(stage.name)
        if device and stage is with_network:
            _say_device(run, device)
        perform(stage, run, STAGES)
        if stage.name == "prepare":
            _check_volumes(run, todo)
        if recorder:
            recorder.end()
    if run.choice.term_after_predict:
        _say_how_to_go_on(run, todo)
    if run.left_out:
        raise LeftOutError(*run.without_volumes().args)


def _check_applicable(run: Run, todo: Collection[Stage]) -> None:
    experiment = run.experiment
    if names := [stage.name for stage in todo if not stage.applies_to(experiment.method)]:
        others = ", ".join(name for name, stage in STAGES.items() if stage.applies_to(experiment.method))
        why = f"denoises images (model.method = {experiment.method.base!r}), and finds no nuclei"
        if not experiment.method.has_network:
            why = f"has the results of {experiment.model_name}, imported, and no network of its own"
        raise InputError(f"{experiment.folder}: {why}: {', '.join(names)} does not apply. What does: {others}.")


def _prepare_missing(run: Run, todo: Collection[Stage]) -> None:
    perform(PrepareMissing(volume for stage in todo for volume in stage.needed_volumes(run)), run, STAGES)


def _check_volumes(run: Run, todo: Collection[Stage]) -> None:
    splits = [split for stage in todo if stage.takes_denoised for split in stage.needed_splits(run)]
    need_denoised(run, splits)
    for stage in todo:
        stage.check_volumes(noisy(run))


def _say_how_to_go_on(run: Run, done: Collection[Stage]) -> None:
    folder, choice = run.experiment.folder, run.choice
    finished = {stage.name for stage in done if not isinstance(stage, Validation)}
    left = [name for name in run.stages if name not in finished]
    chosen = "" if choice.which == "best" else f" --test-checkpoint {choice.which}"
    if choice.checkpoint is not None:
        chosen = f" --checkpoint {choice.checkpoint}"
    rest = f"-r {folder.parent} -id {folder.name} -d {' '.join(left)}{chosen}" if left else "nothing is left to do"
    run.terminal.say(
        f"stopped after the predictions (--term_after_predict). To continue: {rest}; here or on a machine without "
        f"GPU, after copying {folder.name}/ (without train/) and data/ from {folder.parent}."
    )


def _say_device(run: Run, device: Device) -> None:
    run.terminal.say(device.text)
    if others := passed_over():
        run.terminal.say(f"settings of Keras that do not apply here: {others}")
    if device.warning:
        run.terminal.warn(device.warning)
    backend = BACKENDS[chosen()]
    if backend.on_processors and not device.is_gpu:
        run.terminal.say(backend.on_processors)
    if device.is_gpu and not gpus():
        run.terminal.warn(
            f"{backend.title} finds no GPU, so the network runs on the CPU; to use a GPU: pip install "
            f"{backend.install_for_gpus}"
        )


def dry_run(run: Run) -> None:
    """Say what would run, on which volumes, writing where; touch nothing.

    Raises
    ------
    InputError
        The arguments or the configuration contradict what is there.
    """
    todo = until_end(run)
    _check_applicable(run, todo)
    if any(stage.uses_network for stage in todo):
        need_backend(run.experiment.config.general.backend)
    for stage in todo:
        stage.precondition(run)
    if "prepare" not in run.stages:
        needed = {volume for stage in todo for volume in stage.needed_volumes(run)}
        missing = sorted(volume.name for volume in needed if run.experiment.prepared(volume) is None)
        if missing:
            run.terminal.stage = "prepare"
            folder = run.experiment.data_folder("train").parent
            run.terminal.say(f"would do: {', '.join(missing)}, not prepared yet -> {folder}")
    for stage in todo:
        run.terminal.stage = stage.name
        run.terminal.say(f"would do: {stage.plan(run)}")
    if run.choice.term_after_predict:
        run.terminal.say("would stop here, after the predictions")
