"""Volumes that belong together, such as the times of an embryo, count as one."""

import csv
import io
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auxcpvloss.looking.compare.comparison import compare
from auxcpvloss.looking.compare.reading import read_run
from auxcpvloss.looking.compare.runs import AVAP
from auxcpvloss.looking.compare.statistics import ALPHA, bootstrap_interval, means_of_groups, sign_flip
from auxcpvloss.looking.compare.writing import document, scores_as_csv, verdicts_as_csv
from auxcpvloss.system.errors import InputError
from scripts import simulate_verdicts as simulate
from tests.looking.compare.experiments import write_experiment

GROUPS = ["a", "b", "a", "c", "c", "c"]


def test_means_of_groups_by_hand():
    scores = np.array([[1.0, 5, 2, 3, 4, 8], [0, 0, 1, 0, 0, 3]])
    assert means_of_groups(scores, GROUPS).tolist() == [[1.5, 5, 5], [0.5, 0, 1]]


@settings(max_examples=20)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6))
def test_all_combinations_of_signs_are_tried(differences):
    values = np.array(differences)
    sums = [abs(np.dot(signs, values)) for signs in product((-1, 1), repeat=len(values))]
    assert sign_flip(values) == pytest.approx(np.mean([each >= abs(values.sum()) - 1e-9 for each in sums]))


def test_signs_are_drawn_where_there_are_too_many_combinations():
    rng = np.random.default_rng(0)
    clear, none = rng.normal(1, 0.5, 30), rng.normal(0, 1, 30)
    assert sign_flip(clear) < 0.001
    assert sign_flip(none - none.mean() + 0.01) > 0.5


def test_the_bootstrap_draws_groups_and_volumes_within_each():
    rng = np.random.default_rng(1)
    scores, names = rng.normal(0.7, 0.1, (1, 12)), [str(place // 3) for place in range(12)]
    means = []
    for _ in range(8000):
        drawn = rng.integers(4, size=4)
        means.append(np.mean([scores[0, 3 * group + rng.integers(3, size=3)].mean() for group in drawn]))
    assert bootstrap_interval(scores, groups=names) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.006)
    # Groups of one volume each are what volumes without groups are.
    each = [str(place) for place in range(12)]
    assert bootstrap_interval(scores, groups=each) == bootstrap_interval(scores)


def test_a_test_by_volumes_is_wrong_where_they_come_in_groups_and_one_by_groups_is_right():
    rng, repeats = np.random.default_rng(2), 3000
    for runs, groups in ((3, 3), (3, 8)):
        spread = simulate.Spread(0.005, 0.005, 0.005, group=0.05, group_interaction=0.02, size=5)
        by_volume, by_group = simulate.grouped_rates(spread, runs, groups, 0, repeats, rng)
        assert by_volume > 3 * ALPHA
        assert by_group <= ALPHA + 3 * np.sqrt(ALPHA / repeats)
    assert simulate.grouped_rates(spread, 3, 8, 0.05, repeats, rng)[1] > 0.9
    names = simulate.names_of_groups(8, 5)
    by_volume, by_group = (simulate.coverage(spread, 3, 40, 200, rng, each) for each in (None, names))
    assert by_volume < 0.75 < 0.82 < by_group


EMBRYOS = {f"Emb{embryo}_t{time}": ap for embryo, ap in enumerate((0.5, 0.6, 0.7, 0.8)) for time in (1, 2, 3)}


def write_runs(root, method, gains, **config):
    """Write two runs whose gain is that of the embryo: on every volume of it the same."""
    return [
        write_experiment(
            root,
            f"{method}_{seed}",
            method,
            {name: ap + gains[int(name[3])] + seed / 100 for name, ap in EMBRYOS.items()},
            seed=seed,
            **config,
        )
        for seed in (1, 2)
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("grouped")
    grouped = {"data": {"groups": "{group}_t*"}}
    folders = write_runs(root, "sdt", [0] * 4, **grouped) + write_runs(root, "sdt_cpv", [0.09, 0, 0.07, 0.01])
    return [read_run(folder) for folder in folders]


def test_the_unit_of_a_verdict_is_the_group(runs):
    comparison = compare([(None, run) for run in runs])
    verdict = comparison.verdicts[0]
    # Also of the runs that name no groups themselves.
    assert (verdict.units, comparison.units) == (4, "4 groups of test volumes (12 volumes)")
    assert "4 groups of test volumes (12 volumes)" in verdict.sentence
    # Signs of four differences, none of which is below 0: the sum is largest as it is, and with all exchanged.
    assert verdict.p_sign_flip == pytest.approx(4 / 16)
    alone = compare([(None, replace(run, groups={})) for run in runs])
    assert (verdict.word, alone.verdicts[0].word) == ("not distinguishable on these data", "better")
    assert alone.verdicts[0].units == 12
    assert comparison.groups[0].units(AVAP).shape == (2, 4)
    assert "4 groups of test volumes" in document(comparison)
    (row, _) = csv.DictReader(io.StringIO(verdicts_as_csv(comparison)))
    assert (row["units"], float(row["p_sign_flip"])) == ("4", verdict.p_sign_flip)
    table = list(csv.DictReader(io.StringIO(scores_as_csv(comparison))))
    assert {(row["volume"], row["group"]) for row in table} == {(name, name[:4]) for name in EMBRYOS}
    assert "groups of test volumes" in comparison.tables[0].note


def test_groups_of_unequal_size_count_the_same(runs):
    uneven = {name: "first" if name == "Emb0_t1" else "others" for name in EMBRYOS}
    first, *_ = compare([(None, replace(run, groups=uneven)) for run in runs]).groups
    scores = first.scores(AVAP)
    assert first.units(AVAP).mean() == pytest.approx((scores[:, 0].mean() + scores[:, 1:].mean()) / 2)


def test_groups_may_be_named_for_the_comparison(runs):
    given = compare([(None, replace(run, groups={})) for run in runs], "{group}_t*")
    assert given.verdicts[0].units == 4
    for pattern in ("Emb", "{group}_x*"):
        with pytest.raises(InputError, match="--groups"):
            compare([(None, run) for run in runs], pattern)


def test_other_groups_in_another_run_are_refused(runs):
    other = replace(runs[1], groups={name: name[-2:] for name in EMBRYOS})
    with pytest.raises(InputError, match=r"sdt_2: has other groups of volumes than .*sdt_1"):
        compare([(None, run) for run in (runs[0], other)])
    # Another name of the same groups is none.
    renamed = replace(runs[1], groups={name: f"embryo {name[:4]}" for name in EMBRYOS})
    assert compare([(None, run) for run in (runs[0], renamed)]).volume_groups == runs[0].groups
