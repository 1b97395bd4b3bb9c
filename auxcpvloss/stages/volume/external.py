"""Instances that another program made of the test volumes: found by their names, checked, and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.sources.label_images import find_label_images, read_labels
from auxcpvloss.data.sources.pairing import likely, partners
from auxcpvloss.data.sources.source import Image, Source
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.instances import stored_instances
from auxcpvloss.methods.external import Given
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.errors import InputError

SHOWN = 10
"""Maximum number of files or volumes named in a message."""


def given_record(run: Run, subject: Subject) -> Record:
    """Give the checksum of the label image of a volume; where it is no longer there, that of the one imported."""
    name = subject.sample.name
    if (image := _image(run, name)) is not None:
        return {"checksum": Source(name, str(image), image).checksum()}
    experiment = run.experiment
    stored = stored_instances(experiment.instanced(subject.split, subject.checkpoint, subject.params, name)).record
    given: Record = (stored or {}).get("given", {"checksum": ""})
    return given


def check_given(run: Run, subjects: Iterable[Subject]) -> None:
    """Refuse results that do not fit the volumes, all of them together, before any is imported.

    Raises
    ------
    InputError
        Label images are missing, cannot be read, or have another shape than their volumes.
    """
    subjects, folder, files = list(subjects), Given.by(run.experiment.config).results, _files(run)
    if missing := [name for subject in subjects if (name := subject.sample.name) not in _pairs(run)]:
        left = sorted(files.keys() - set(_pairs(run).values()))
        raise InputError(
            f"{folder}: no label image of {_listed(missing)}; expected one for each test volume, named like it "
            f"(--pattern, model.results_pattern, if the names differ).{_others(left, missing)}"
        )
    problems = []
    for subject in subjects:
        try:
            read_given(run, subject)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError(*problems[:SHOWN], *([f"and {len(problems) - SHOWN} more"] if problems[SHOWN:] else []))


def unused(run: Run) -> list[str]:
    """Name the label images in the folder that belong to no test volume."""
    return sorted(str(_files(run)[name]) for name in _files(run).keys() - set(_pairs(run).values()))


def read_given(run: Run, subject: Subject) -> NDArray[np.uint32]:
    """Read the label image of a volume, on the grid of its files: (Z, Y, X).

    Raises
    ------
    InputError
        It cannot be read, has no whole numbers, or another shape than the volume.
    """
    name, sample = subject.sample.name, subject.sample.original
    image = _image(run, name)
    if image is None:
        raise InputError(f"{Given.by(run.experiment.config).results}: no label image of {name}.")
    labels = read_labels(image)
    inner = tuple(size - 2 * margin for size, margin in zip(sample.shape, sample.padding, strict=True))
    if labels.shape == inner:
        return np.pad(labels, [(margin, margin) for margin in sample.padding])
    there, expected = (" x ".join(map(str, shape)) for shape in (labels.shape, inner))
    raise InputError(f"{image}: {there} voxels; expected {expected}, as the volume {name} has.")


def _files(run: Run) -> Mapping[str, Image]:
    given, data = Given.by(run.experiment.config), run.experiment.config.data
    if not given.results:
        raise InputError("model.results: not set; auxcpvloss import-results sets what model.method = 'external' needs.")
    return run.remember("label images", lambda: find_label_images(Path(given.results), data, given.results_key))


def _pairs(run: Run) -> Mapping[str, str]:
    """Give the names of the label images by those of the test volumes."""

    def find() -> Mapping[str, str]:
        volumes = {name: name for name in run.experiment.names(TEST)}
        return partners(volumes, _files(run), Given.by(run.experiment.config).results_pattern)

    return run.remember("label images of test volumes", find)


def _image(run: Run, name: str) -> Image | None:
    """Give the label image of a volume; None where there is none, or their folder is gone."""
    there = Path(Given.by(run.experiment.config).results).is_dir()
    return _files(run)[_pairs(run)[name]] if there and name in _pairs(run) else None


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if names[SHOWN:] else "")


def _others(left: list[str], missing: list[str]) -> str:
    if not left:
        return ""
    hint = likely(left[0], missing).replace("data.mask_pattern =", "--pattern").replace("mask", "result")
    return f" Not used: {_listed(left)}{hint}."
