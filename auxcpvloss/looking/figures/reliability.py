"""The reliability diagram: how often instances were right, by how probable that was said to be."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from auxcpvloss.looking.figures.palette import LINES
from auxcpvloss.metrics.reliability import BINS, Bin

DPI = 150


def reliability_diagram(table: Sequence[Bin]) -> Figure:
    """Draw what came true over what was said, and below it how many instances each bin has."""
    figure = Figure((4.2, 4.6), dpi=DPI, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    said, true = [each.probability for each in table], [each.right for each in table]
    above.plot([0, 1], [0, 1], "--", color="0.5", lw=1, label="as often as said")
    above.plot(said, true, "-o", color=LINES[0], ms=5, lw=1.2, label="test volumes")
    above.set(ylabel="fraction right", xlim=(0, 1), ylim=(0, 1.02))
    above.legend(frameon=False, fontsize=9, loc="upper left")
    below.bar(said, [each.instances for each in table], width=0.6 / BINS, color=LINES[0])
    below.set(xlabel="probability of being right", ylabel="instances")
    for ax in (above, below):
        ax.grid(color="0.9")
        ax.set_axisbelow(True)
    return figure
