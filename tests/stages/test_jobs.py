"""The loop of a stage: what other processes do while this one goes on."""

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import ledger
from auxcpvloss.stages.perform import perform
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage
from auxcpvloss.stages.volume import make
from auxcpvloss.system.files import write_text
from tests.conftest import configure


class Pipeline(Stage):
    """Predicts, scores in other processes what is predicted, and sums up all of it."""

    name, help = "pipeline", "toy"

    def results(self, run):
        for number in (1, 2, 3):
            yield replace(self._result(run, f"predicted_{number}"), waits=False)
            yield replace(self._result(run, f"scored_{number}"), job=number)
        yield self._result(run, "sum")

    def workers(self, run, jobs):
        assert [len(job) for job in jobs] == [1, 1, 1]
        return 2

    def make(self, result, run):
        folder = result.paths[0].parent
        if result.name == "predicted_3":
            # It would wait for good if nobody scored meanwhile.
            wait_for(folder / "scored_1", folder / "scored_2")
        if result.name.startswith("scored"):
            assert (folder / result.name.replace("scored", "predicted")).exists()
        found = sorted(path.name for path in folder.glob("scored_*"))
        write_text(result.paths[0], " ".join(found) if result.name == "sum" else "")

    def _result(self, run, name):
        return self.beside(run, "results", run.experiment.folder / name, self.versioned(), name=name)


def wait_for(*paths: Path) -> None:
    until = time.monotonic() + 120
    while not all(path.exists() for path in paths):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_jobs_are_done_while_the_next_is_made_and_only_what_needs_them_waits(tmp_path):
    run = Run(Experiment(tmp_path / "e", configure()))
    perform(Pipeline(), run, {"pipeline": Pipeline()})
    assert (tmp_path / "e" / "sum").read_text() == "scored_1 scored_2 scored_3"
    # This process alone writes to the ledger; its bytes do not depend on what was done first.
    names = [f"{kind}_{number}" for kind in ("predicted", "scored") for number in (1, 2, 3)]
    assert list(ledger(tmp_path / "e")) == [*names, "sum"]


def test_as_many_processes_as_fit_whatever_the_voxels_of_the_files(monkeypatch):
    monkeypatch.setattr(make, "usable_cores", lambda: 8)
    monkeypatch.setattr(make, "available_memory", lambda: 3 * 10**8 * make.NEEDED)
    run = Run(Experiment(Path(), configure()))

    def number(shape, original):
        sample = SimpleNamespace(shape=shape, original=SimpleNamespace(shape=original))
        return make.number_of_processes(run, [[SimpleNamespace(subject=SimpleNamespace(sample=sample))]] * 8)

    small, large = (100, 1000, 1000), (150, 1000, 1000)
    assert (number(small, small), number(small, large), number(large, small)) == (3, 2, 2)
