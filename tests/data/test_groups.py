import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auxcpvloss.config import ConfigFile, write
from auxcpvloss.data.folds import cut, deal
from auxcpvloss.data.groups import group_of, groups_of, members
from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.groups import groups_in, shared_groups
from auxcpvloss.system.errors import InputError
from tests.conftest import configure
from tests.data.volumes import make_folder

EMBRYOS = [f"Emb{embryo:02d}_t{time}" for embryo in range(1, 6) for time in (301, 351, 401)]
TABLES = st.dictionaries(st.text("abcdef", min_size=1), st.sampled_from("XYZUVW"), min_size=1, max_size=20)


@pytest.mark.parametrize(("pattern", "name", "group"), [
    ("{group}_t*", "Emb01_t301", "Emb01"),
    ("{group}_*", "mouse_1_t3", "mouse_1"),
    ("*_{group}_t??", "left_Emb01_t30", "Emb01"),
    ("*_{group}_t??", "left_Emb01_t301", None),
    ("{group}.[a]*", "x.[a]1", "x"),
    ("{group}.[a]*", "xa1", None),
    ("{group}_t*", "_t301", None),
    ({"a": "X"}, "a", "X"),
    ({"a": "X"}, "b", None),
    ("", "a", "a"),
])  # fmt: skip
def test_the_group_of_a_name(pattern, name, group):
    assert group_of(name, pattern) == group


@pytest.mark.parametrize("groups", ["{group}_t*", {"Emb01_t301": "Emb01"}])
def test_a_volume_without_a_group_is_refused(groups):
    with pytest.raises(InputError, match=r"^data.groups: .*worm_2"):
        groups_of(["Emb01_t301", "worm_2"], groups)


@pytest.mark.parametrize(
    "groups", ["Emb", "{group}_{rest}", "{group}{group}", "*{group}*_*", 3, ["a"], {"a": 1}, {"a": ""}]
)
def test_what_names_no_groups_is_refused_with_its_key(groups):
    with pytest.raises(InputError, match=r"^test: data\.groups"):
        configure(data={"groups": groups})


@pytest.mark.parametrize("groups", ["", "{group}_t*", {"a b.c": "Emb 1", "d": "é"}])
def test_groups_are_written_and_read_back(tmp_path, groups):
    config = configure(data={"groups": groups})
    write(config, tmp_path / "config.toml")
    again = load([ConfigFile.read(tmp_path / "config.toml")])
    assert (again.data.groups, again) == (groups, config)


@given(TABLES, st.integers(1, 6), st.integers(0, 5))
def test_a_group_is_in_one_fold_and_folds_differ_by_a_group_at_most(table, number, seed):
    folds = deal(table, number, seed, table)
    assert sorted(name for fold in folds for name in fold) == sorted(table)
    together = members(table, table)
    for names in together.values():
        assert sum(not set(names).isdisjoint(fold) for fold in folds) == 1
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= max(map(len, together.values()))
    assert folds == deal(sorted(table, reverse=True), number, seed, table)


@given(TABLES, st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), st.integers(0, 5))
def test_a_group_is_in_one_split_and_each_split_gets_one(table, weights, seed):
    assume(sum(weights))
    together = members(table, table)
    counts = [round(len(table) * weight / sum(weights)) for weight in weights]
    counts[counts.index(max(counts))] += len(table) - sum(counts)
    shares = cut(together, counts, seed)
    if shares is None:
        assert len(together) < sum(count > 0 for count in counts)
        return
    assert sorted(name for share in shares for name in share) == sorted(table)
    for names in together.values():
        assert sum(not set(names).isdisjoint(share) for share in shares) == 1
    assert [bool(share) for share in shares] == [count > 0 for count in counts]


def test_a_flat_folder_is_split_by_groups(tmp_path):
    make_folder(tmp_path, EMBRYOS)
    for seed in range(4):
        data = configure(
            data={"path": str(tmp_path), "input_format": "auto", "groups": "{group}_t*", "split_seed": seed}
        ).data
        found = {split: {source.name[:5] for source in sources} for split, sources in find_sources(data).items()}
        # As many as the fractions 0.6, 0.2, 0.2 say.
        assert [len(names) for names in found.values()] == [3, 1, 1]
        assert len(set.union(*found.values())) == 5
    few = configure(data={"path": str(tmp_path), "input_format": "auto", "groups": "{group}0?_t*"}).data
    with pytest.raises(InputError, match=r"data.groups: 1 groups \(Emb\) are too few"):
        find_sources(few)


def of_folders(root, groups: str, other_test: str = "", **splits: str) -> Experiment:
    for split, names in splits.items():
        make_folder(root / "data" / split, names.split())
    config = configure(data={"path": str(root / "data"), "input_format": "auto", "groups": groups})
    return Experiment(root / "e", config, other_test)


def test_groups_that_serve_twice_are_told(tmp_path):
    one = of_folders(tmp_path, "{group}_t*", train="a_t1 b_t1", val="b_t2 c_t1", test="a_t2 d_t1")
    said = list(shared_groups(one))
    assert len(said) == 2
    assert "training and validation (data.groups): b;" in said[0]
    assert "training and test (data.groups): a;" in said[1]
    assert not list(shared_groups(of_folders(tmp_path, "")))


def test_other_test_volumes_need_no_groups(tmp_path):
    splits = {"train": "a_t1", "val": "b_t1", "test": "other a_t2"}
    with pytest.raises(InputError, match="other"):
        groups_in(of_folders(tmp_path / "own", "{group}_t*", **splits), "test")
    other = of_folders(tmp_path / "other", "{group}_t*", "others", **splits)
    assert groups_in(other, "test") == {"other": "other", "a_t2": "a"}


def test_groups_move_prepared_volumes_only_where_they_decide_the_split(tmp_path):
    def folder(groups: str, **places: str):
        return Experiment(tmp_path, configure(data={"groups": groups, **places})).data_folder("train")

    assert folder("", path="flat") != folder("{group}_t*", path="flat")
    assert folder("", train_data="own") == folder("{group}_t*", train_data="own")
