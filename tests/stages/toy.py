"""A stage that somebody else might write; as a program, the command line with that stage."""

import sys
import time

from auxcpvloss.cli import main
from auxcpvloss.stages.order import STAGES
from auxcpvloss.stages.planned_samples import samples_of
from auxcpvloss.stages.stage import Stage
from auxcpvloss.system.files import write_text

SLOW = 0.0


class Toy(Stage):
    name, help, split, in_all = "toy", "count the voxels of the test volumes", "test", False

    def results(self, run):
        for sample in samples_of(run, "test"):
            path = run.experiment.folder / "test" / "counted" / f"{sample.name}.txt"
            colors = {"colors": run.experiment.config.evaluation.colors}
            made_from = {**self.versioned(), "sample": sample.made_from, "evaluation": colors}
            yield self.beside(run, "counts", path, made_from, sample, sample.name)

    def make(self, result, run):
        time.sleep(SLOW)
        write_text(result.paths[0], f"{result.subject.raw[...].size}\n")


if __name__ == "__main__":
    STAGES["toy"], SLOW = Toy(), 0.5
    sys.exit(main())
