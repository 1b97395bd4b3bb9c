"""Look at the test volumes in napari, after a command has ended: a window may stay open for days."""

from __future__ import annotations

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection
from auxcpvloss.looking.handover.viewer import obstacle, show
from auxcpvloss.stages.viewing import SPLIT, view_of
from auxcpvloss.system.terminal import Terminal


def look(experiment: Experiment, terminal: Terminal, selection: Selection, asked: bool | None) -> None:
    """Open the volumes in napari, if it can be; say why not otherwise.

    Parameters
    ----------
    experiment, terminal, selection
    asked : bool, optional
        See `viewer.obstacle`.
    """
    if asked is False:
        return
    if problem := obstacle(asked):
        terminal.say(f"not opened in napari: {problem}")
        return
    samples = {sample.name: sample for sample in experiment.samples(SPLIT)}
    terminal.say("opening napari; this ends when its window is closed")
    title = f"{experiment.folder.name}, checkpoint {selection.checkpoint}"
    show(title, list(samples), lambda name: view_of(experiment, selection, samples[name]))
