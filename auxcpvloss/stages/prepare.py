"""Turn what users have into ``<sample>.zarr``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from auxcpvloss.data import samples
from auxcpvloss.data.degrade import in_words
from auxcpvloss.data.sources.find import SPLITS, UNLABELLED, Source
from auxcpvloss.data.store import expected_made_from, write_sample
from auxcpvloss.data.verify import check_planes
from auxcpvloss.data.voxel_sizes import sides
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.groups import shared_groups
from auxcpvloss.experiment.results import Result, Stored
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.experiment.trained_on import other_recorded_voxels, other_voxels
from auxcpvloss.experiment.used import used_in_words, used_sources
from auxcpvloss.stages.repeats import check_repeats
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.verified_volumes import contents_of, verify_all
from auxcpvloss.system.errors import InputError

NAME = "prepare"
PLACES = (*SPLITS, UNLABELLED)
"""What volumes may be for."""


class Prepare(Stage):
    """Volumes, verified, normalised and stored, for all experiments on the same data."""

    name, help = NAME, "verify the volumes, normalise and store them"
    version, libraries = samples.VERSION, samples.LIBRARIES
    needs_instances = False
    # What is replaced can be made of its source at any time.
    makes_way = False
    compares_all = True
    """Whether images are compared even if there is no new one."""

    def results(self, run: Run) -> Iterable[Result]:
        found = [(split, source) for split in PLACES for source in used_sources(run.experiment, split)]
        if not found:
            raise InputError(
                "data: no volumes. Set data.path, or data.train_data, data.val_data and data.test_data, in a file "
                "given with -c."
            )
        yield from _readable(run, found)

    def confirm(self, todo: Sequence[Result], run: Run) -> Sequence[Result]:
        for result in todo:
            if run.state(result).kind in ("stale", "broken"):
                run.notes.tell(f"volume {result.name} will be prepared again: {run.state(result).why}")
        if todo or self.compares_all:
            for words in shared_groups(run.experiment):
                run.warn(words)
        good, images = verify_all(run, todo) if todo else (todo, {})
        if images or self.compares_all:
            check_repeats(run, images)
        if run.left_out and run.left_out.keys() >= set(run.experiment.names(TEST)):
            raise run.without_volumes()
        return good

    def test_volumes(self, result: Result) -> set[str]:
        return {result.name} if result.subject[0] == TEST else set()

    def make(self, result: Result, run: Run) -> None:
        config, (_, source, made_from) = run.experiment.config, result.subject
        content = contents_of(run).last(source)
        # Made from what was verified: what is stored is what was.
        write_sample(source, result.paths[0], config.data, config.preprocessing, made_from, content)
        run.experiment.forget(result.paths[0])

    def say(self, run: Run, tally: Tally) -> None:
        made = {result.paths for result in tally.made}
        for result in tally.results:
            if result.paths not in made:
                _check_earlier(run, result)
        splits = [result.subject[0] for result in tally.results]
        named = [split for split in PLACES if split in (*SPLITS, *splits)]
        counts = ", ".join(f"{splits.count(split)} {split}" for split in named)
        folders = sorted({str(result.paths[0].parents[1]) for result in tally.results})
        already = len(tally.results) - len(tally.made)
        run.terminal.say(
            f"{counts} volumes in {', '.join(folders)}, {f'{already} of them whole already' if already else 'all new'}"
        )
        for words in (*used_in_words(run.experiment), *in_words(run.experiment.config.data.degrade)):
            run.terminal.say(words)
        _tell_odd(run, tally)

    def plan(self, run: Run) -> str:
        names = {split: [source.name for source in used_sources(run.experiment, split)] for split in PLACES}
        places = [
            f"{split} ({', '.join(each) or 'no volumes'})" for split, each in names.items() if each or split in SPLITS
        ]
        return f"{', '.join(places)} -> {run.experiment.data_folder('train').parent}"


class PrepareMissing(Prepare):
    """The volumes that stages need where nobody has asked for it: those that were never prepared."""

    compares_all = False

    def __init__(self, volumes: Iterable[Volume]) -> None:
        self._needed = set(volumes)

    def results(self, run: Run) -> Iterable[Result]:
        experiment = run.experiment
        missing = {volume for volume in self._needed if experiment.prepared(volume) is None}
        for split in PLACES:
            if any(volume.split == split for volume in missing):
                sources = experiment.catalogue.sources(split)
                yield from _readable(run, [(split, each) for each in sources if (split, each.name) in missing])

    def confirm(self, todo: Sequence[Result], run: Run) -> Sequence[Result]:
        if todo:
            splits = [result.subject[0] for result in todo]
            counts = ", ".join(f"{splits.count(split)} {split}" for split in dict.fromkeys(splits))
            run.terminal.say(f"volumes needed but not prepared yet: {counts}")
        return super().confirm(todo, run)

    def say(self, run: Run, tally: Tally) -> None:
        """Say only what is odd about the volumes."""
        _tell_odd(run, tally)


def _tell_odd(run: Run, tally: Tally) -> None:
    volumes = [Volume(result.subject[0], result.name) for result in tally.results]
    samples = [sample for volume in volumes if (sample := run.experiment.prepared(volume))]
    if resampled := [sample.name for sample in samples if sample.original != sample]:
        size = sides(run.experiment.config.data.target_voxel_size)
        run.terminal.say(f"resampled to voxels of {size} (data.target_voxel_size): {', '.join(resampled)}")
    for words in other_voxels(run.experiment, samples):
        run.warn(words)
    for words in other_recorded_voxels(run.experiment, _test_sources(tally)):
        run.warn(words)
    if empty := [sample.name for sample in samples if sample.has_truth and not sample.has_nuclei]:
        run.warn(f"no nuclei, and so no AP: {', '.join(empty)}; left out of means and of the selection of checkpoints")


def _test_sources(tally: Tally) -> list[Source]:
    return [result.subject[1] for result in tally.results if result.subject[0] == TEST]


def _check_earlier(run: Run, result: Result) -> None:
    """Refuse what was verified earlier, but perhaps for an experiment of volumes, where images are asked for."""
    sample = run.experiment.prepared(Volume(result.subject[0], result.name))
    try:
        check_planes(
            result.subject[1].origin, 0 if sample is None else sample.shape[0], run.experiment.config.model.ndim
        )
    except InputError as error:
        if result.subject[0] != TEST:
            raise
        run.leave_out(result.name, error)


def _readable(run: Run, volumes: Iterable[tuple[str, Source]]) -> Iterator[Result]:
    """Say what volumes are to be made from; a test volume that cannot be read is left out."""
    for split, source in volumes:
        if split != TEST:
            yield volume_of(run, split, source)
        elif source.name not in run.left_out:
            try:
                yield volume_of(run, split, source)
            except InputError as error:
                run.leave_out(source.name, error)


def volume_of(run: Run, split: str, source: Source) -> Result:
    """Say what a prepared volume is to be made from.

    Raises
    ------
    InputError
        Its source cannot be read.
    """
    return run.result(("volume", split, source.name), lambda: _find(run, split, source))


def _find(run: Run, split: str, source: Source) -> Result:
    config, volume = run.experiment.config, Volume(split, source.name)
    made_from = expected_made_from(source, config.data, config.preprocessing)
    path, sample = run.experiment.sample_path(volume), run.experiment.prepared(volume)
    if sample is not None:
        stored = Stored(sample.made_from, sample.made_with)
    else:
        stored = Stored(problem="cannot be read or is incomplete" if path.exists() else "")
    return Result(NAME, split, source.name, (path,), run.records.flat(made_from), stored, (split, source, made_from))
