"""Run stages, or make single results, in this process."""

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import Params
from auxcpvloss.stages.order import run_stages
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.terminal import Terminal


def perform(experiment: Experiment, *stages: str, which: str = "best", checkpoint: int | None = None) -> Run:
    """Run stages as a command does, which has looked at nothing before."""
    run = Run(Experiment(experiment.folder, experiment.config), Terminal(), Choice(which, checkpoint), stages)
    run_stages(run)
    return run


def subject(run: Run, split: str = "test", checkpoint: int = 4, params: Params | None = None) -> Subject:
    """The only volume of a split."""
    (sample,) = run.experiment.samples(split)
    return Subject(split, checkpoint, sample, params or run.experiment.params)
