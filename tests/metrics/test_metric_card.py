from typing import Any

import numpy as np

from auxcpvloss.metrics import Comparison
from auxcpvloss.metrics.detection import MATCHINGS
from auxcpvloss.metrics.metric_card import card_of_volumes, metric_card

MASKS, POINTS = np.ones((2, 2, 2), int), np.zeros((1, 3))


def card(truth: np.ndarray = MASKS, **options: Any) -> dict[str, str]:
    return metric_card(Comparison(MASKS, truth, distance_limit=7.0, **options))


def test_the_card_says_how_it_was_configured():
    assert "optimal" in card()["matching"]
    assert "greedy" in card(optimal=False)["matching"]
    for name in MATCHINGS:
        text = card(detection=name)["detection"]
        assert text.startswith(name)
        # With masks a center is in a nucleus or not.
        assert ("at most 7 voxels" in text) == (name != "hoefener")
    assert "at most 7 voxels" in card(POINTS)["detection"]


def test_the_card_says_what_was_ignored():
    assert "nothing" in card()["ignored"]
    assert "predicted voxels" in card(foreground_only=True)["ignored"]
    assert "outlines" in card(POINTS)["ignored"]
    assert "predicted centers" in card(POINTS, foreground_only=True)["ignored"]


def test_what_was_not_scored_is_not_explained():
    assert list(card(outlines=False)) == list(card(POINTS)) == ["detection", "ignored", "empty"]


def test_what_volumes_have_in_common_is_said_once():
    assert card_of_volumes([{"a": "x", "b": "y"}, {"a": "x", "b": "z"}]).splitlines()[:3] == ["a: x", "b: y", "b: z"]
