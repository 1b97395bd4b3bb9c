from auxcpvloss.metrics.card import card_of_volumes, metric_card
from auxcpvloss.metrics.detection import MATCHINGS

CARD = {"matching": "hoefener", "distance_limit": 7.0, "foreground_only": False, "optimal": True, "has_masks": True, "of_instances": True}  # fmt: skip


def test_the_card_says_how_it_was_configured():
    assert "optimal" in metric_card(**CARD)["matching"]
    assert "greedy" in metric_card(**{**CARD, "optimal": False})["matching"]
    for name in MATCHINGS:
        text = metric_card(**{**CARD, "matching": name})["detection"]
        assert text.startswith(name)
        # With masks a center is in a nucleus or not.
        assert ("at most 7 voxels" in text) == (name != "hoefener")
    assert "at most 7 voxels" in metric_card(**{**CARD, "has_masks": False})["detection"]


def test_the_card_says_what_was_ignored():
    assert "nothing" in metric_card(**CARD)["ignored"]
    assert "predicted voxels" in metric_card(**{**CARD, "foreground_only": True})["ignored"]
    points = {**CARD, "has_masks": False, "of_instances": False}
    assert "outlines" in metric_card(**points)["ignored"]
    assert "predicted centers" in metric_card(**{**points, "foreground_only": True})["ignored"]


def test_what_was_not_scored_is_not_explained():
    assert list(metric_card(**{**CARD, "of_instances": False})) == ["detection", "ignored", "empty"]


def test_what_volumes_have_in_common_is_said_once():
    assert card_of_volumes([{"a": "x", "b": "y"}, {"a": "x", "b": "z"}]).splitlines()[:3] == ["a: x", "b: y", "b: z"]
