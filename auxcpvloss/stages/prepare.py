"""Turn what users have into ``<sample>.zarr``."""

from __future__ import annotations

from collections.abc import Sequence

from auxcpvloss.data.samples import Sample, expected_made_from, open_sample, write_sample
from auxcpvloss.data.sources.find import SPLITS, Source, find_sources
from auxcpvloss.data.verify import check_planes, verify
from auxcpvloss.experiment.fingerprint import plain
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.stages.records import Result, tell_versions
from auxcpvloss.stages.stored import Stored
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.terminal import Terminal


def prepare(experiment: Experiment, terminal: Terminal, splits: tuple[str, ...] = SPLITS) -> None:
    """Verify all volumes, then write those that are not there or were made from something else.

    Raises
    ------
    InputError
        Any volume is not fit; nothing was written then.
    """
    found = find_sources(experiment.config.data, splits)
    stale = [(split, source) for split in splits for source in found[split] if not _current(experiment, split, source)]
    total = sum(map(len, found.values()))
    if total == 0:
        raise InputError("data: no volumes. Set data.path, or data.train_data and its like, in a file given with -c.")
    _make(experiment, terminal, stale)
    counts = ", ".join(f"{len(found[split])} {split}" for split in splits)
    folders = sorted({str(experiment.data_folder(split).parent) for split in splits if found[split]})
    whole = f"{total - len(stale)} of them whole already" if len(stale) < total else "all new"
    terminal.say(f"{counts} volumes in {', '.join(folders)}, {whole}")


def unprepared(experiment: Experiment, splits: Sequence[str]) -> list[tuple[str, Source]]:
    """List the volumes that serve as these splits and were never prepared, each with the split that it lies in.

    Nothing is compared, that is for the stage to do.
    """
    needed = {volume for split in splits for volume in experiment.volumes(split)}
    missing = {volume for volume in needed if open_sample(experiment.sample_path(volume)) is None}
    lie_in = {volume.split for volume in missing}
    found = find_sources(experiment.config.data, [split for split in SPLITS if split in lie_in])
    return [(split, source) for split in found for source in found[split] if (split, source.name) in missing]


def prepare_missing(experiment: Experiment, terminal: Terminal, splits: Sequence[str]) -> None:
    """Prepare the volumes that stages need where nobody has asked for it; says so.

    Raises
    ------
    InputError
        Any of them is not fit; nothing was written then.
    """
    missing = unprepared(experiment, splits)
    if missing:
        terminal.stage = "prepare"
        lie_in = [split for split, _ in missing]
        counts = ", ".join(f"{lie_in.count(split)} {split}" for split in dict.fromkeys(lie_in))
        terminal.say(f"volumes that are needed and not prepared yet: {counts}")
        _make(experiment, terminal, missing)


def _make(experiment: Experiment, terminal: Terminal, stale: Sequence[tuple[str, Source]]) -> None:
    config = experiment.config
    # Before they are verified: what is stored is what was.
    made_from = [expected_made_from(source, config.data, config.preprocessing) for _, source in stale]
    if stale:
        _verify_all(experiment, terminal, stale)
    with terminal.progress("volumes", len(stale)) as bar:
        for number, (split, source) in enumerate(stale):
            bar.update(number, source.name)
            path = experiment.data_folder(split) / f"{source.name}.zarr"
            write_sample(source, path, config.data, config.preprocessing, made_from[number])


def volume_of(experiment: Experiment, split: str, source: Source) -> Result:
    """Say what a prepared volume is to be made from.

    Raises
    ------
    InputError
        Its source cannot be read.
    """
    config, path = experiment.config, experiment.data_folder(split) / f"{source.name}.zarr"
    sample = open_sample(path)
    made_from = plain(expected_made_from(source, config.data, config.preprocessing))
    if sample is not None:
        stored = Stored(sample.made_from, sample.made_with, sample.lacking())
    else:
        stored = Stored(problem="cannot be read, or only a part is there" if path.exists() else "")
    return Result("prepare", f"volume {source.name}", (path,), made_from, stored)


def _current(experiment: Experiment, split: str, source: Source) -> bool:
    """Whether a prepared volume is whole. One that is not is replaced: it can be made of its source at any time."""
    result = volume_of(experiment, split, source)
    if experiment.renew(result.paths[0]) or result.state.kind == "missing":
        return False
    if result.state.kind != "whole":
        experiment.notes.tell(f"{result.what} is prepared again: {result.state.why}")
        return False
    tell_versions(experiment, "prepare", result.stored.made_with)
    # What is there was verified, but perhaps for an experiment of volumes.
    shape = Sample(source.name, result.paths[0]).shape
    check_planes(source.origin, shape[0], experiment.config.model.ndim)
    return True


def _verify_all(experiment: Experiment, terminal: Terminal, stale: Sequence[tuple[str, Source]]) -> None:
    findings = []
    with terminal.progress("verifying", len(stale)) as bar:
        for number, (split, source) in enumerate(stale):
            bar.update(number, source.name)
            config = experiment.config
            findings.append(verify(source, split, config.data, config.preprocessing, config.model.ndim))
    rows = [
        (f.split, f.name, " x ".join(map(str, f.shape)), str(f.dtype), " ".join(f"{v:g}" for v in f.voxel_size),
         "-" if f.nuclei is None else f"{f.nuclei} points" if f.is_sparse else f.nuclei)
        for f in findings
    ]  # fmt: skip
    terminal.table("Volumes", ("split", "name", "shape z y x", "type", "voxel size", "nuclei"), rows)
    for finding in findings:
        for warning in finding.warnings:
            terminal.warn(f"{finding.name}: {warning}")
