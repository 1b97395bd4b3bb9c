"""Write the volumes without noise, for the schemes that go on with these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from auxcpvloss.data.denoised import DENOISED, write_denoised
from auxcpvloss.data.sources.find import SPLITS
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.ensemble import Member
from auxcpvloss.experiment.pretraining import HEAD, need_denoiser
from auxcpvloss.experiment.results import Result, State
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.pipeline.averaged import joint_tiling
from auxcpvloss.stages.denoised_samples import KIND, NAME, VERSION, denoised_of, denoiser_record
from auxcpvloss.stages.noisy_samples import noisy_sample
from auxcpvloss.stages.pretrain import Pretrain
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.volume.denoising import denoise
from auxcpvloss.stages.volume.prediction import in_memory, network_for, tilings_for
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.libraries import BACKEND

PURPOSE = "to go on with"


class Denoise(Stage):
    """Volumes of all splits with a denoised image, in ``denoised/``; labels and centers stay as they are."""

    name, help = NAME, "write the volumes without noise, by the denoiser of the stage pretrain"
    version, libraries = VERSION, ("keras", "numpy", BACKEND)
    follows = "pretrain"
    in_all = False
    takes_denoised = False
    uses_network = True
    trains = True
    needs_network = True
    # What is replaced can be made of its source at any time.
    makes_way = False

    def precondition(self, run: Run) -> None:
        super().precondition(run)
        if Pretrain.name not in run.stages and not run.planning:
            need_denoiser(run.experiment)

    def needed_splits(self, run: Run) -> list[str]:
        # Others than those of the experiment are tested alone.
        return [TEST] if run.experiment.other_test else list(SPLITS)

    def results(self, run: Run) -> Iterable[Result]:
        for volume in _volumes(run, self.needed_splits(run)):
            if (result := denoised_of(run, volume)) is not None:
                yield result

    def states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        if self.name in run.experiment.config.scheme.stages or (run.experiment.folder / DENOISED).exists():
            yield from super().states(run)

    def test_volumes(self, result: Result) -> set[str]:
        volume, _ = result.subject
        return {volume.name} if volume.split == TEST else set()

    def make(self, result: Result, run: Run) -> None:
        _, sample = result.subject
        if run.state(result).kind in ("stale", "broken"):
            run.notes.tell(f"volumes denoised again: {run.state(result).why}")
        inner, last = need_denoiser(run.experiment)
        networks = [Member(inner, last)]
        tilings, precision = tilings_for(run, networks, sample), inner.config.training.precision
        with in_memory(run.experiment, sample):
            image = denoise(
                sample.raw,
                network_for(run, networks, tilings, (HEAD,), (precision,)),
                joint_tiling(tilings),
                lambda done, total: run.note(f"{sample.name}: tile {done} of {total}"),
            )
        by = denoiser_record(inner, last, sample)
        write_denoised(sample, result.paths[0], image, by, self.made_with())
        run.experiment.forget(result.paths[0])

    def say(self, run: Run, tally: Tally) -> None:
        folder = run.experiment.folder / DENOISED
        run.terminal.say(f"{tally.counted(KIND)} denoised in {folder}")

    def plan(self, run: Run) -> str:
        names = {split: ", ".join(run.experiment.names(split)) for split in self.needed_splits(run)}
        listing = ", ".join(f"{split} ({each or 'no volumes'})" for split, each in names.items())
        return f"{listing} -> {run.experiment.folder / DENOISED}"


def need_denoised(run: Run, splits: Iterable[str]) -> None:
    """Refuse to go on where the scheme asks for denoised volumes, and those of some splits are not whole.

    Raises
    ------
    InputError
        Names the first such volume, and the stage to run; a test volume that is not prepared is left out.
    """
    if not run.experiment.config.scheme.denoises or NAME in run.stages:
        return
    for volume in _volumes(run, dict.fromkeys(splits)):
        if (result := denoised_of(run, volume)) is not None:
            run.need(result, PURPOSE)


def noisy(run: Run) -> Run:
    """Give a command that looks at the volumes as they are prepared, which tells the same of their ground truth."""
    config = run.experiment.config
    baseline = config.model_copy(update={"scheme": config.scheme.model_copy(update={"name": "baseline"})})
    return replace(run, experiment=replace(run.experiment, config=baseline), _results={}, _memory={}, _kept={})


def _volumes(run: Run, splits: Iterable[str]) -> Iterator[Volume]:
    """Give the volumes of splits, each once, without test volumes that are left out."""
    volumes = dict.fromkeys(volume for split in splits for volume in run.experiment.volumes(split))
    for volume in volumes:
        if volume.split != TEST or volume.name not in run.left_out:
            try:
                noisy_sample(run, volume)
            except InputError as error:
                if volume.split != TEST:
                    raise
                run.leave_out(volume.name, error)
            else:
                yield volume
