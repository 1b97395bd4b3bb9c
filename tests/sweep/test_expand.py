import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.sweep.expand import expand
from auxcpvloss.sweep.file import SweepFile
from auxcpvloss.sweep.perform import shares
from auxcpvloss.system.errors import InputError

VALUES = {"optimizer.lr": [1e-3, 1e-4, 0], "model.num_fmaps": [10, 16], "training.class_loss": ["focal", "dice"]}


def names(**tables) -> list[str]:
    return [run.name for run in expand(SweepFile.model_validate(tables), "file")]


def value(keys, path: str):
    for part in path.split("."):
        keys = keys[part]
    return keys


@given(
    grid=st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(1, 2)),
    seeds=st.lists(st.integers(0, 5), max_size=3, unique=True),
    folds=st.lists(st.integers(1, 5), max_size=3, unique=True),
    named=st.integers(0, 2),
)
def test_every_combination_is_one_run_with_its_values(grid, seeds, folds, named):
    lists = {key: VALUES[key][:number] for key, number in grid.items()}
    extra = {f"extra{number}": {"optimizer": {"lr": number}} for number in range(named)}
    sweep = SweepFile(grid=lists, seeds=tuple(seeds), folds=tuple(folds), runs=extra, keys={"model": {"num_fmaps": 3}})
    runs = expand(sweep, "file")
    combinations = math.prod(map(len, lists.values())) if lists else int(not named)
    assert len(runs) == (combinations + named) * max(1, len(seeds)) * max(1, len(folds))
    assert len({run.name for run in runs}) == len(runs)
    gridded = runs[: len(runs) - named * max(1, len(seeds)) * max(1, len(folds))]
    found = {tuple(str(value(run.keys, key)) for key in lists) for run in gridded}
    assert len(found) == combinations
    for run in runs:
        assert run.keys.get("general", {}).get("seed") in (seeds or [None])
        assert run.keys.get("validation", {}).get("fold") in (folds or [None])
        # What the sweep sets for all stands where a run has no value of its own.
        if "model.num_fmaps" not in lists:
            assert run.keys["model"]["num_fmaps"] == 3
    # Runs of a group differ in seed and fold alone.
    assert len({run.group for run in runs}) == combinations + named


def test_runs_are_named_after_their_values():
    grid = {"optimizer": {"lr": [0.001, 1]}, "model.method": ["sdt", "threeclass_cpv"]}
    assert names(grid=grid, seeds=(1,))[:2] == ["lr_0.001_sdt_seed1", "lr_0.001_threeclass_cpv_seed1"]
    assert names(grid={"model": {"train_input_shape": [[48, 48, 48]]}}, folds=(2,)) == ["train_input_shape_48x48x48_fold2"]  # fmt: skip
    assert names(grid={"training": {"deep_supervision": [True]}}) == ["deep_supervision_true"]
    assert names(grid={"model": {"downsample_factors": [[[2, 2, 2]], [[1, 2, 2]]]}})[1] == "downsample_factors_2"
    # A path must not lead elsewhere.
    assert names(grid={"init": {"checkpoint": ["../a/b"]}}) == ["..-a-b"]
    assert names() == ["file"]
    axes = {"size": {"small": {"model": {"num_fmaps": 4}}, "large": {"model": {"num_fmaps": 32}}}}
    assert names(axes=axes, grid={"optimizer": {"lr": [1]}}) == ["lr_1_small", "lr_1_large"]


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"grid": {"optimizer": {"lr": 0.1}}}, ["grid.optimizer.lr", "list"]),
        ({"grid": {"optimizer": {"lr": []}}}, ["grid.optimizer.lr", "list"]),
        ({"axes": {"size": {}}}, ["axes.size"]),
        ({"grid": {"model": {"method": ["sdt"]}}, "runs": {"sdt": {}}}, ["sdt", "two runs"]),
    ],
)
def test_what_gives_no_runs_is_refused(tables, said):
    with pytest.raises(InputError) as error:
        names(**tables)
    assert all(words in str(error.value) for words in said)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 4))
def test_runs_at_a_time_share_cores_and_gpus(jobs, cores, gpus):
    found = shares(jobs, range(cores), [str(number) for number in range(gpus)])
    assert len(found) == jobs
    assert all(share.cores for share in found)
    counts = [sum(core in share.cores for share in found) for core in range(cores)]
    assert max(counts) - min(counts) <= 1
    used = [sum(share.gpu == str(number) for share in found) for number in range(gpus)]
    assert gpus < 2 or max(used) - min(used) <= 1
    assert gpus > 1 or all(share.gpu is None for share in found)
