"""All colors of figures: those of the paper, and others that the color-blind can tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.colors import to_rgb

from auxcpvloss.config import Config
from auxcpvloss.config.tables.results import Colors

Color = tuple[float, float, float]
"""Red, green, blue (sRGB), each in 0..1."""


@dataclass(frozen=True)
class Palette:
    """Colors of hits and errors, by the names that legends show, of voxels that differ, and of missed nuclei."""

    agreement: Mapping[str, Color]
    difference: Color
    missed: tuple[Color, ...]


ORANGE, SKY_BLUE, GREEN = to_rgb("#E69F00"), to_rgb("#56B4E9"), to_rgb("#009E73")
YELLOW, BLUE, VERMILION, PURPLE = to_rgb("#F0E442"), to_rgb("#0072B2"), to_rgb("#D55E00"), to_rgb("#CC79A7")
"""The colors of Okabe & Ito, "Color Universal Design" (2008), for all kinds of color vision."""

BLACK: Color = (0.0, 0.0, 0.0)
LINES: tuple[Color, ...] = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY_BLUE)
"""Methods in diagrams, in this order, whatever the palette; yellow is too pale on white."""

PAPER = Palette(
    # Figures 5 and 6 of the paper; orange is its red upon yellow.
    agreement={
        "TP: ground truth only": (0.0, 0.0, 1.0),
        "TP: result only": (0.0, 1.0, 0.0),
        "TP: both": (0.0, 1.0, 1.0),
        "FP": (1.0, 0.0, 0.0),
        "FN": (1.0, 1.0, 0.0),
        "FP upon FN": (1.0, 0.5, 0.0),
    },
    difference=(1.0, 0.0, 1.0),
    missed=((1.0, 1.0, 0.0), (0.0, 1.0, 1.0), (0.4, 1.0, 0.2), (1.0, 0.5, 0.0), (0.3, 0.5, 1.0), (0.0, 0.8, 0.5)),
)

COLORBLIND = Palette(
    # Near to those of the paper, but with green and orange swapped: of all assignments of these colors this keeps
    # those that lie side by side the farthest apart (tests/looking/figures/test_palette.py).
    agreement={
        "TP: ground truth only": BLUE,
        "TP: result only": ORANGE,
        "TP: both": SKY_BLUE,
        "FP": VERMILION,
        "FN": YELLOW,
        "FP upon FN": GREEN,
    },
    difference=PURPLE,
    missed=(YELLOW, BLUE, VERMILION, SKY_BLUE, ORANGE, GREEN),
)

PALETTES: Mapping[Colors, Palette] = {"paper": PAPER, "colorblind": COLORBLIND}


def palette_of(config: Config) -> Palette:
    """Give the palette that ``evaluation.colors`` names."""
    return PALETTES[config.evaluation.colors]
