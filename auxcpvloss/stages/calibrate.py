"""Learn on the validation volumes how often instances are right, and list those of the test volumes to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.centers_of_mass import centers_by_label
from auxcpvloss.data.target_grid import prediction_back
from auxcpvloss.experiment.calibration_file import (
    FEW,
    Listed,
    calibration_path,
    proofreading_path,
    read_calibration,
    read_proofreading,
    stored_calibration,
    write_calibration,
    write_proofreading,
)
from auxcpvloss.experiment.results import Result, State
from auxcpvloss.experiment.validation import parameter_sets
from auxcpvloss.metrics import Comparison
from auxcpvloss.metrics.calibration import (
    Calibration,
    calibrate,
    features,
)
from auxcpvloss.metrics.reliability import expected_calibration_error, expected_gain, reliability
from auxcpvloss.stages.chosen_checkpoint import SPLIT, chosen, subjects
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.validate_checkpoints.scoring import validation_samples
from auxcpvloss.stages.volume.instances import (
    instances_of,
    instances_with,
    need_instances,
    need_prediction,
    read_instances,
)
from auxcpvloss.stages.volume.prediction import read_prediction
from auxcpvloss.stages.volume.scores import compared, comparison_of, scores_of
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.errors import InputError

LEARNED, LIST = "calibration", "proofreading list"


class Judged(NamedTuple):
    """The instances of a volume that are scored: what tells right ones from wrong ones, and which are right."""

    features: NDArray[np.float64]
    right: NDArray[np.bool_]


class Calibrate(Stage):
    """``val/calibration.json``, and ``proofreading.csv`` beside the scores of the test volumes."""

    name, help = "calibrate", "learn how often instances are right; list those to look at first (docs/confidence.md)"
    version, libraries = 1, ("numpy", "scipy")
    split, follows = SPLIT, "selection"
    in_all = False
    needs_network = True

    def precondition(self, run: Run) -> None:
        super().precondition(run)
        if run.experiment.config.validation.trained_models:
            raise InputError(
                f"validation.trained_models: all volumes are used for training, so none is left for {self.name}."
            )

    def needed_splits(self, run: Run) -> list[str]:
        return ["val", SPLIT]

    def results(self, run: Run) -> Iterable[Result]:
        learned = calibration_of(run)
        yield learned
        selection = chosen(run, by_hand=True)
        tests = subjects(run, selection)
        made_from = {
            **self.versioned(),
            LEARNED: learned.record,
            "predictions": {each.sample.name: _record(run, each) for each in tests},
        }
        yield self.beside(run, LIST, proofreading_path(run.experiment, selection), made_from, tests)

    def states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        """Say how what was made is: nobody who has not asked for it lacks it."""
        for result in self.results(run):
            if result.paths[0].exists():
                yield result.kind, result.name, run.state(result)

    def check(self, result: Result, run: Run) -> None:
        for subject in result.subject:
            if result.kind == LEARNED:
                need_prediction(run, subject, "to learn from")
            else:
                need_instances(run, subject, "to list")

    def make(self, result: Result, run: Run) -> None:
        if result.kind == LEARNED:
            judged = [each for subject in result.subject if len((each := _judged(run, subject)).right)]
            if not judged:
                raise InputError("calibrate: nothing was found in the validation volumes, so there is nothing to learn")
            learned = calibrate([each.features for each in judged], [each.right for each in judged])
            write_calibration(result.paths[0], learned)
        else:
            learned = read_calibration(calibration_path(run.experiment))
            listed = [each for subject in result.subject for each in _listed(run, subject, learned)]
            result.paths[0].parent.mkdir(parents=True, exist_ok=True)
            write_proofreading(result.paths[0], listed)

    def say(self, run: Run, tally: Tally) -> None:
        (learned,), (listed,) = tally.of(LEARNED), tally.of(LIST)
        calibration = read_calibration(learned.paths[0])
        number, right = calibration.instances, calibration.right
        run.terminal.say(f"learned from {number} instances, {right} of them right: {learned.paths[0]}")
        if number < FEW:
            run.terminal.warn(
                f"{number} instances are few to learn from, so probabilities are rough; add validation volumes "
                "(data.val_data)"
            )
        rows = read_proofreading(listed.paths[0])
        known = [each for each in rows if each.right]
        if known:
            table = reliability(
                np.array([each.probability_right for each in known]), np.array([each.right == "1" for each in known])
            )
            error = expected_calibration_error(table)
            run.terminal.say(f"expected calibration error on the test volumes: {error:.3f} ({len(known)} instances)")
        run.terminal.say(f"instances, those first that promise most if they are looked at: {listed.paths[0]}")

    def plan(self, run: Run) -> str:
        names = ", ".join(run.experiment.names("val"))
        return f"val ({names}) -> {calibration_path(run.experiment)}; {self.volumes(run)} -> proofreading.csv"


def calibration_of(run: Run) -> Result:
    """Say what the calibration is to be made from: the instances of the validation volumes, and their truth."""
    selection, experiment = chosen(run, by_hand=True), run.experiment
    sets = (selection.params, *parameter_sets(experiment))
    learned_on = [
        Subject(experiment.validation_split, selection.checkpoint, sample, selection.params, sets)
        for sample in validation_samples(run)
    ]
    made_from = {
        **Calibrate.versioned(),
        "predictions": {subject.sample.name: scores_of(run, subject).record for subject in learned_on},
    }
    path = calibration_path(experiment)
    result = Calibrate().beside(run, LEARNED, path, made_from, learned_on, name=path.name)
    return replace(result, stored=stored_calibration(path))


def whole_calibration(run: Run) -> tuple[Result, Calibration] | None:
    """Give the calibration, if there is one of what is there now."""
    if not calibration_path(run.experiment).is_file():
        return None
    try:
        result = calibration_of(run)
    except InputError:
        # Of volumes that are on another machine.
        return None
    return (result, read_calibration(result.paths[0])) if run.state(result).kind == "whole" else None


def _record(run: Run, subject: Subject) -> Any:
    return scores_of(run, subject).record if subject.sample.has_truth else instances_of(run, subject).record


def _judged(run: Run, subject: Subject) -> Judged:
    run.note(subject.sample.name)
    ((_, found),) = instances_with(run, subject, [subject.params])
    ids, right = rightness(compared(run, subject, found))
    every, sizes = np.unique(found[found > 0], return_counts=True)
    return Judged(features(_confidence(run, subject, found), sizes)[np.searchsorted(every, ids)], right)


def rightness(comparison: Comparison) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Give the ids of the instances that are scored, rising, and which are right: at IoU 0.5, or as points.

    Raises
    ------
    InputError
        Of points that are compared with points, some are not scored.
    """
    if not comparison.has_masks:
        ids, hit = np.unique(comparison.predicted[comparison.predicted > 0]), comparison.detections.hit
        if len(ids) != len(hit):
            raise InputError(
                "calibrate: with center points, all of a volume must be scored: set evaluation.foreground_only = "
                "false, and use volumes that are annotated as a whole"
            )
        return ids, hit
    ids = comparison.overlaps.predicted_ids
    if comparison.outlines:
        return ids, np.isin(ids, comparison.matching.predicted)
    return ids, comparison.detections.hit


def _confidence(run: Run, subject: Subject, found: NDArray[np.uint32]) -> NDArray[np.float64]:
    prediction = prediction_back(read_prediction(run, subject, [subject.params]), subject.sample)
    return np.asarray(run.experiment.method.confidence(prediction, found), np.float64)


def _listed(run: Run, subject: Subject, learned: Calibration) -> Iterator[Listed]:
    run.note(subject.sample.name)
    found = read_instances(run, subject)
    centers, confidence = centers_by_label(found), _confidence(run, subject, found)
    sizes = np.bincount(centers.instance, minlength=len(centers.ids))
    probability = learned(features(confidence, sizes))
    known: dict[int, bool] = {}
    if subject.sample.has_truth:
        known = dict(zip(*(each.tolist() for each in rightness(comparison_of(run, subject))), strict=True))
    for row, gain in enumerate(expected_gain(probability, sizes).tolist()):
        number = int(centers.ids[row])
        right = {True: "1", False: "0", None: ""}[known.get(number)]
        z, y, x = centers.positions[row].tolist()
        yield Listed(
            subject.sample.name, number, z, y, x, int(sizes[row]), float(confidence[row]), float(probability[row]),
            gain, right,
        )  # fmt: skip


def shown_files(run: Run) -> list[Path]:
    """Give what a report shows: what was learned, and the list; nothing unless both are of what is there now."""
    if not proofreading_path(run.experiment, chosen(run, by_hand=True)).is_file() or whole_calibration(run) is None:
        return []
    results = list(Calibrate().results(run))
    return [result.paths[0] for result in results] if all(run.state(each).kind == "whole" for each in results) else []
