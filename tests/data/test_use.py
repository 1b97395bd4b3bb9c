"""Parts of the volumes, drawn by patterns, nested."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.data.use import count_of, draw, draw_matched
from auxcpvloss.system.errors import InputError
from tests.conftest import configure

CELLS = [f"U2OS_{i:02}" for i in range(20)] + [f"HeLa_{i:02}" for i in range(8)] + ["other"]
names_of = st.lists(st.text("abc_", min_size=1, max_size=6), min_size=1, max_size=30, unique=True)
seeds = st.integers(0, 5)
fractions = st.floats(0.001, 1)


@given(names_of, fractions, fractions, seeds, st.randoms(use_true_random=False))
def test_what_is_drawn_by_less_is_drawn_by_more(names, one, other, seed, random):
    """Whatever the order of the volumes; and a number draws the same as a fraction that means it."""
    less, more = sorted((one, other))
    shuffled = random.sample(names, len(names))
    few, many = draw(names, less, seed), draw(shuffled, more, seed)
    assert set(few) <= set(many) <= set(names)
    assert len(few) == count_of(less, len(names)) >= 1
    assert draw(names, len(few), seed) == draw(names, {"*": len(few)}, seed) == few == sorted(few)
    assert draw(names, 1.0, seed) == draw(names, "all", seed) == draw(names, len(names), seed) == sorted(names)


@given(fractions, st.integers(0, 400))
def test_a_fraction_means_the_nearest_number_but_one_at_least(fraction, total):
    number = count_of(fraction, total)
    assert abs(number - fraction * total) <= 0.5 or (number == 1 and total)
    assert number <= total


def test_another_seed_draws_others_and_each_volume_as_often():
    drawn = Counter(name for seed in range(400) for name in draw(CELLS, 0.25, seed))
    # 7 of 29 in each draw: 97 of 400, with a standard deviation of 8.6.
    assert set(drawn) == set(CELLS)
    assert all(abs(count - 400 * 7 / 29) < 4.5 * 8.6 for count in drawn.values())


def test_patterns_compose_a_training_set():
    few = draw(CELLS, {"U2OS_*": 0.25, "*": 3}, seed=1)
    assert Counter(name.startswith("U2OS") for name in few) == {True: 5, False: 3}
    # What one pattern draws does not depend on the others, and is nested within them.
    more = draw(CELLS, {"U2OS_*": 0.5, "HeLa_*": 8}, seed=1)
    assert {name for name in few if "U2OS" in name} < set(more)
    assert set(draw(CELLS, {"HeLa_*": 2, "*": 0}, seed=1)) < set(more)
    # The first that fits counts; a volume that none fits does not serve.
    assert draw(CELLS, {"o*r": 1, "*": 1.0}, 0) == sorted(CELLS)
    assert draw(CELLS, {"o????": 1}, 0) == ["other"]
    assert draw(["a1", "b1", "c1"], {"x": 2}, 0, groups={"a1": "x", "b1": "x", "c1": "y"}) == ["a1", "b1"]


@given(st.lists(st.text("[]!-a\\^", min_size=1, max_size=5), min_size=1, unique=True))
def test_a_name_without_wildcards_fits_itself_alone(names):
    for name in names:
        assert draw(names, {name: 1.0}, 0) == [name]


@given(names_of, names_of, fractions, seeds)
def test_matched_validation_has_the_same_fraction(names, training, fraction, seed):
    drawn = draw_matched(names, [], fraction, seed)
    assert drawn == draw(names, fraction, seed)
    count = count_of(fraction, len(training))
    assert len(draw_matched(names, training, count, seed)) == count_of(count / len(training), len(names))


def test_matched_validation_by_pattern():
    val = [f"U2OS_v{i}" for i in range(6)] + ["HeLa_v"]
    drawn = draw_matched(val, CELLS, {"U2OS_*": 10, "HeLa_*": 1, "*": 0}, 0)
    assert Counter(name.startswith("U2OS") for name in drawn) == {True: 3, False: 1}
    assert draw_matched(val, CELLS, "all", 0) == sorted(val)
    assert draw_matched([], CELLS, 0.5, 0) == []
    # Patterns that draw no volume validate none.
    assert draw_matched(val, CELLS, {"HeLa_*": 0.0, "*": 0.5}, 0) == draw(val[:6], 0.5, 0)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ({"HEK_*": 0.5}, r"data.use: 'HEK_\*': no volume is left .*; there are HeLa_00, HeLa_01, HeLa_02 and 26 more"),
        ({"*": 0.5, "U2OS_*": 1}, r"data.use: 'U2OS_\*': no volume is left"),
        ({"U2OS_*": 21}, r"data.use: 'U2OS_\*': asks for 21 volumes, but only 20 are there"),
        (30, r"data.use: '\*': asks for 30 volumes, but only 29 are there"),
    ],
)
def test_what_cannot_be_drawn_is_refused(use, message):
    with pytest.raises(InputError, match=message):
        draw(CELLS, use, 0)
    with pytest.raises(InputError, match=r"data\.use: no pattern of it fits a validation volume"):
        draw_matched(["a"], CELLS, {"U2OS_*": 0.5}, 0)


@pytest.mark.parametrize(
    "use",
    [
        0,
        0.0,
        -1,
        1.5,
        True,
        "some",
        [1],
        {},
        {"*": 0},
        {"*": "all"},
        {"*": -0.5},
        {"*": True},
        {"": 1},
        {"x" * 999: 1},
        "x" * 999,
    ],
)
def test_values_that_draw_nothing_are_refused(use):
    for key in ("use", "use_val"):
        with pytest.raises(InputError, match=rf"data\.{key}: .*(expected|uses no volume)") as raised:
            configure(data={key: use})
        assert len(str(raised.value)) < 500
    with pytest.raises(InputError, match=r"data\.use_val: .*validation.on_train"):
        configure(data={"use_val": 0.5}, validation={"on_train": True})


@pytest.mark.parametrize("use", ["all", 1, 1.0, 0.25, {"*": 1}, {'U2 OS.[é"]*': 0.5, "*": 10}])
def test_values_stay_what_they_are_when_written(use, tmp_path):
    """1 is one volume, 1.0 all of them; patterns keep their order."""
    from auxcpvloss.config import ConfigFile, write
    from auxcpvloss.experiment.configuration import load

    write(configure(data={"use": use}), tmp_path / "c.toml")
    again = load([ConfigFile.read(tmp_path / "c.toml")]).data.use
    assert repr(again) == repr(use)
