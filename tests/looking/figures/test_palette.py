import numpy as np
import pytest

from auxcpvloss.looking.figures.palette import COLORBLIND, LINES, PALETTES, PAPER
from tests.looking.figures.color_vision import VISION, least_distance, seen

HITS = ("TP: ground truth only", "TP: result only", "TP: both")
ERRORS = ("FP", "FN", "FP upon FN")


def test_those_of_the_paper() -> None:
    red, green, blue = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    cyan, yellow = (0.0, 1.0, 1.0), (1.0, 1.0, 0.0)
    assert [PAPER.agreement[name] for name in (*HITS, "FP", "FN")] == [blue, green, cyan, red, yellow]
    assert PAPER.difference == (1.0, 0.0, 1.0)


def test_every_palette_has_every_class() -> None:
    for palette in PALETTES.values():
        assert list(palette.agreement) == [*HITS, *ERRORS]


def test_the_simulation_confuses_what_the_color_blind_confuse() -> None:
    red_and_green = [(0.8, 0.3, 0.1), (0.45, 0.5, 0.1)]
    assert least_distance(red_and_green, "normal") > 40
    assert least_distance(red_and_green, "deuteranopia") < 15
    grays = np.repeat(np.linspace(0, 1, 5)[:, np.newaxis], 3, axis=1)
    for vision in VISION:
        assert np.allclose(seen(grays, vision), grays, atol=1e-3)


@pytest.mark.parametrize("vision", VISION)
def test_all_classes_stay_apart_whatever_the_color_vision(vision: str) -> None:
    classes = COLORBLIND.agreement
    assert least_distance(list(classes.values()), vision) > 11
    # Those that lie in one panel, also where they are laid over the image, dark or bright.
    for panel in (HITS, ERRORS):
        assert least_distance([classes[name] for name in panel], vision) > 18
        for gray in (0.0, 0.5, 1.0):
            over = [tuple(0.65 * np.array(classes[name]) + 0.35 * gray) for name in panel]
            assert least_distance(over, vision) > 11
    assert least_distance([*COLORBLIND.missed, COLORBLIND.difference], vision) > 10


def test_those_of_the_paper_do_not() -> None:
    classes = list(PAPER.agreement.values())
    assert least_distance(classes, "deuteranopia") < 9
    assert least_distance(classes, "protanopia") < 5


@pytest.mark.parametrize("vision", VISION)
def test_a_method_and_its_variant_are_told_apart_in_diagrams(vision: str) -> None:
    assert least_distance(LINES[:2], vision) > 20
    assert least_distance([*LINES, (1.0, 1.0, 1.0)], vision) > 10
