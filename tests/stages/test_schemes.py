"""Self-supervised denoising: pretraining, denoised volumes, and what each scheme makes of them."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import toml

import auxcpvloss
from auxcpvloss.cli import main
from auxcpvloss.config import ConfigFile
from auxcpvloss.data.denoised import DENOISED
from auxcpvloss.data.open_samples import open_sample
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.pretraining import Pretraining, pretraining_config
from auxcpvloss.experiment.results import State
from auxcpvloss.experiment.training_files import write_record
from auxcpvloss.experiment.training_record import read_record, record_path
from auxcpvloss.looking.report.denoised import GAP, side_by_side
from auxcpvloss.stages.order import wanted
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.status import Row, rows
from auxcpvloss.system.errors import InputError
from tests.conftest import SMALL, TINY, blobs, configure, merge
from tests.once import made_once
from tests.stages.test_chain import command, files, kill_when, weights

BASE: dict[str, Any] = merge(
    TINY,
    {
        "data": {"input_format": "tif", "degrade": {"gaussian": 10.0}},
        "preprocessing": {"normalize": "min_max"},
        "model": {**SMALL, "test_input_shape": [24, 24, 24]},
        "training": {"max_iterations": 2, "checkpoints": 1, "snapshots": 0, "num_workers": 0},
        "pretrain": {"max_iterations": 4, "checkpoints": 2, "batch_size": 2, "lr": 1e-3},
    },
)
VOLUMES = {"train": ["a"], "val": ["b"], "test": ["a", "u"]}
"""One name is of two splits; test volumes have no labels."""


def run(folder: Path, *stages: str, scheme: Any = "baseline", name: str = "e", more: tuple[str, ...] = (), **change: Any) -> int:  # fmt: skip
    named = scheme if isinstance(scheme, dict) else {"name": scheme}
    tables = merge(BASE, {"data": {"path": str((folder / "data").resolve())}, "scheme": named})
    (folder / "e.toml").write_text(toml.dumps(merge(tables, change)))
    return main(["-c", str(folder / "e.toml"), "-r", str(folder / "root"), "-id", name, "-d", *stages, *more])


def states(folder: Path, scheme: str, **change: Any) -> dict[str, set[str]]:
    """How what each stage has made is."""
    found: dict[str, set[str]] = {}
    for row in _rows(folder, scheme, **change):
        if row.state.kind != "missing":
            found.setdefault(row.stage, set()).add(row.state.kind)
    return found


def _rows(folder: Path, scheme: str, **change: Any) -> list[Row]:
    tables = merge(BASE, {"data": {"path": str((folder / "data").resolve())}, "scheme": {"name": scheme}})
    experiment = Experiment(folder / "root/e", load([ConfigFile("test", merge(tables, change))]))
    return list(rows(Run(experiment, planning=True)))


def _write_data(folder: Path, shape: tuple[int, int, int] = (20, 20, 24)) -> None:
    rng = np.random.default_rng(0)
    for number, (split, name) in enumerate((split, name) for split, names in VOLUMES.items() for name in names):
        labels = blobs(shape, 4, seed=number)
        raw = 100 * (labels > 0) + rng.normal(60, 20, shape)
        for kind, array in (("images", raw.astype(np.float32)), ("masks", labels.astype(np.uint16))):
            if split != "test" or kind == "images":
                (folder / split / kind).mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(folder / split / kind / f"{name}.tif", array, photometric="minisblack")


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """A folder with data/ and root/e, an experiment of the scheme finetune_sequential that is done."""

    def make(folder: Path) -> None:
        _write_data(folder / "data")
        assert run(folder, "all", scheme="finetune_sequential") == 0

    return made_once(tmp_path_factory, "schemes", make)


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    # The places in records are those of the sources.
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "data").symlink_to(whole / "data")
    return tmp_path


def test_all_trains_a_denoiser_on_images_with_labels_and_without(whole):
    record = json.loads((whole / "root/e/pretrain/train/made_from.json").read_text())
    assert len(record["samples"]) == 4
    assert record["model"]["method"] == "noise2void"
    assert record["training"]["augmentation"]["elastic"]["jitter_sigma"] == [0, 0, 0]
    assert record["training"]["augmentation"]["simple"]["transpose"] == [0, 1, 2]
    begun = json.loads((whole / "root/e/train/made_from.json").read_text())["initial"]
    assert begun["path"].endswith("pretrain/train/checkpoints/00000004.keras")


def test_the_report_shows_denoised_images_beside_noisy_ones(whole):
    page = (whole / "root/e/report.html").read_text()
    section = page[page.index('<section id="denoised"') :].partition("</section>")[0]
    assert section.count("data:image/webp") == 2
    assert "Peak signal-to-noise ratio in dB" in section


def test_images_are_side_by_side_in_the_gray_values_of_the_first():
    noisy, clean = np.linspace(0, 1, 100).reshape(10, 10), np.full((10, 10), 0.5)
    joint = side_by_side([noisy, clean])
    assert joint.shape == (10, 20 + GAP)
    assert (joint.min(), joint.max()) == (0, 255)
    np.testing.assert_allclose(joint[:, -10:], 127, atol=2)


def test_a_denoiser_can_be_made_for_a_training_without_one(copy, capfd):
    """Of another scheme are the weights then, which nothing that is asked for depends on."""
    shutil.rmtree(copy / "root/e/denoised")
    assert run(copy, "denoise", scheme="sequential") == 0
    assert run(copy, "predict", scheme="sequential") == 2
    assert "scheme.name was 'finetune_sequential', is 'sequential'" in capfd.readouterr().err


def test_denoised_volumes_are_the_prepared_ones_with_another_image(whole):
    for split, names in VOLUMES.items():
        for name in names:
            (path,) = whole.glob(f"root/data/*/{split}/{name}.zarr")
            noisy, denoised = open_sample(path), open_sample(whole / f"root/e/denoised/{split}/{name}.zarr")
            assert not np.allclose(noisy.raw[...], denoised.raw[...])
            assert noisy.truth_key == denoised.truth_key
            assert noisy.voxel_size == denoised.voxel_size
            np.testing.assert_array_equal(noisy.centers(), denoised.centers())
            if noisy.truth is not None:
                np.testing.assert_array_equal(noisy.truth[...], denoised.truth[...])
            made_from = denoised.made_from
            assert made_from.pop(DENOISED)["checkpoint"]
            assert made_from == noisy.made_from
    trained = json.loads((whole / "root/e/train/made_from.json").read_text())["samples"]
    records = json.loads((whole / "root/e/records.json").read_text())
    assert all(DENOISED in records[digest] for digest in trained.values())


def test_what_is_whole_stays_and_segment_denoises_as_the_stages_do(copy):
    before = files(copy / "root")
    assert run(copy, "all", scheme="finetune_sequential") == 0
    assert files(copy / "root") == before
    assert set().union(*states(copy, "finetune_sequential").values()) == {"whole"}
    model = auxcpvloss.load_model(copy / "root/e", checkpoint="last")
    # Once normalized it stays as it is, noise included.
    (path,) = copy.glob("root/data/*/test/u.zarr")
    found = model.predict(open_sample(path).raw[...])
    assert run(copy, "predict", scheme="finetune_sequential", more=("--checkpoint", "2")) == 0
    import zarr

    stored = zarr.open(str(copy / "root/e/test/processed/2/u.zarr"), mode="r")
    np.testing.assert_array_equal(found["threeclass"], stored["volumes/pred_threeclass"])


FOLLOWING = {"denoise", "train", "validate_checkpoints", "predict", "label", "report"}


def test_a_key_of_the_pretraining_makes_it_stale_with_all_that_follows(whole):
    def stale(scheme: str, **change: Any) -> set[str]:
        return {stage for stage, found in states(whole, scheme, **change).items() if found != {"whole"}}

    assert stale("finetune_sequential", pretrain={"lr": 0.1}) == {"pretrain"} | FOLLOWING
    assert stale("finetune_sequential", pretrain={"blind_radius": 3}) == {"pretrain"} | FOLLOWING
    assert stale("finetune_sequential", pretrain={"images": ["train"]}) == {"pretrain"} | FOLLOWING
    # How often a checkpoint is kept changes no weight; nor does what concerns the training alone change the denoiser.
    assert stale("finetune_sequential", pretrain={"checkpoints": 1}) == {"report"}
    assert stale("finetune_sequential", optimizer={"lr": 0.1}, training={"p_nonempty": 0.5}) == FOLLOWING - {"denoise"}
    assert stale("finetune_sequential", model={"num_fmaps": 4}) == {"pretrain", "mknet"} | FOLLOWING
    # Another scheme does without the denoiser, which stays as it is.
    assert stale("baseline") == FOLLOWING - {"denoise"}


@pytest.fixture
def own_data(copy) -> Path:
    """A copy with data of its own."""
    source = (copy / "data").resolve()
    (copy / "data").unlink()
    shutil.copytree(source, copy / "data")
    return copy


def _change(path: Path) -> None:
    array = tifffile.imread(path)
    array[:, :9] = 0
    tifffile.imwrite(path, array, photometric="minisblack")


def _pretraining(folder: Path) -> State:
    (row,) = [row for row in _rows(folder, "finetune_sequential") if (row.stage, row.what) == ("pretrain", "weights")]
    return row.state


def test_masks_concern_neither_the_record_of_the_denoiser_nor_its_weights(own_data):
    last = own_data / "root/e/pretrain/train/checkpoints/00000004.keras"
    before = last.read_bytes()
    _change(own_data / "data/train/masks/a.tif")
    # Nothing is prepared in this place yet, then all is.
    assert _pretraining(own_data).kind == "whole"
    assert run(own_data, "prepare", scheme="finetune_sequential") == 0
    assert _pretraining(own_data).kind == "whole"
    shutil.rmtree(own_data / "root/e/pretrain")
    assert run(own_data, "pretrain", scheme="finetune_sequential", data={"degrade": {"labels": 0.5}}) == 0
    assert last.read_bytes() == before
    assert _pretraining(own_data).kind == "whole"
    _change(own_data / "data/train/images/a.tif")
    assert _pretraining(own_data).why == "the image of volume a (2) changed"


def test_a_denoiser_of_an_earlier_program_stays_whole(own_data):
    """Which recorded all that the volumes were made from."""
    assert run(own_data, "prepare", scheme="finetune_sequential") == 0
    tables = merge(BASE, {"data": {"path": str(own_data / "data")}, "scheme": {"name": "finetune_sequential"}})
    inner = Pretraining.of(Experiment(own_data / "root/e", load([ConfigFile("test", tables)])))
    record, names = read_record(record_path(inner)), ["a", "u", "a (2)", "b"]
    whole = dict(zip(names, (each.made_from for each in inner.samples("train")), strict=True))
    assert record is not None
    record["samples"] = inner.records.flat({"samples": whole})["samples"]
    inner.records.keep({"samples": record["samples"]})
    inner.records.save()
    write_record(inner, record)
    assert _pretraining(own_data).kind == "whole"
    # Also where reasons are not told.
    (own_data / "root/e/pretrain/records.json").unlink()
    assert _pretraining(own_data).kind == "whole"


def test_stages_that_come_later_say_which_one_to_run(copy, capfd):
    shutil.rmtree(copy / "root/e/denoised/val")
    assert run(copy, "validate_checkpoints", scheme="finetune_sequential") == 2
    assert "Run the stage denoise" in capfd.readouterr().err
    for stage in ("denoise", "train"):
        assert run(copy, stage, scheme="finetune_sequential", pretrain={"lr": 0.1}) == 2
        assert "pretrain.lr was 0.001, is 0.1. Run the stage pretrain" in capfd.readouterr().err
    shutil.rmtree(copy / "root/e")
    assert run(copy, "mknet", "train", scheme="finetune") == 2
    assert "there is no denoiser yet. Run the stage pretrain" in capfd.readouterr().err
    assert not (copy / "root/e").exists()


def test_another_denoiser_makes_again_what_follows(copy, capfd):
    assert run(copy, "pretrain", scheme="finetune_sequential", pretrain={"lr": 0.01}) == 0
    assert "training starts from the beginning because pretrain.lr was 0.001, is 0.01" in capfd.readouterr().out
    assert run(copy, "predict", scheme="finetune_sequential", pretrain={"lr": 0.01}, more=("--checkpoint", "2")) == 2
    assert "Run the stage denoise" in capfd.readouterr().err
    assert run(copy, "denoise", "train", scheme="finetune_sequential", pretrain={"lr": 0.01}) == 0
    text = capfd.readouterr().out
    assert "volumes denoised again: the denoiser changed" in text
    assert "training starts from the beginning because the denoiser changed" in text


def test_each_scheme_takes_what_it_is_named_for(copy):
    """With the same denoiser, which another scheme does not make again."""
    made = (copy / "root/e/pretrain/train/checkpoints/00000004.keras").stat().st_mtime_ns
    begun = {}
    for scheme in ("finetune", "sequential"):
        assert run(copy, "all", scheme=scheme, more=("--test-checkpoint", "last")) == 0
        record = json.loads((copy / "root/e/train/made_from.json").read_text())
        begun[scheme] = (record["scheme"]["name"], bool(record["initial"]))
        assert (copy / "root/e/pretrain/train/checkpoints/00000004.keras").stat().st_mtime_ns == made
    assert begun == {"finetune": ("finetune", True), "sequential": ("sequential", False)}


def test_finetuning_begins_with_all_but_the_last_two_layers(copy):
    assert run(copy, "train", scheme="finetune", optimizer={"lr": 1e-30}, training={"max_iterations": 1}) == 0
    began = weights(copy / "root/e/train/checkpoints/00000001.keras")
    source = weights(copy / "root/e/pretrain/train/checkpoints/00000004.keras")
    kernels = [(a.shape, np.array_equal(a, b)) for a, b in zip(began, source, strict=False) if a.ndim == 5]
    same = {shape for shape, equal in kernels if equal}
    assert {(3, 3, 3, 1, 2), (3, 3, 3, 2, 4), (1, 1, 1, 4, 2)} <= same
    assert (3, 3, 3, 4, 2) not in same


def test_an_interrupted_pretraining_ends_with_the_same_bytes(copy):
    last = copy / "root/e/pretrain/train/checkpoints/00000004.keras"
    before = last.read_bytes(), (copy / "root/e/pretrain/train/log.csv").read_bytes()
    # What a kill between the checkpoints leaves.
    last.unlink()
    assert run(copy, "pretrain", scheme="finetune_sequential") == 0
    assert (last.read_bytes(), len((copy / "root/e/pretrain/train/log.csv").read_bytes())) == (
        before[0],
        len(before[1]),
    )
    assert set().union(*states(copy, "finetune_sequential").values()) == {"whole"}


@pytest.mark.chaos
def test_killed_in_pretraining_the_same_command_completes(tmp_path, whole):
    change = merge(BASE, {"data": {"path": str(whole / "data")}, "scheme": {"name": "finetune_sequential"}})
    arguments = command(tmp_path, "-id", "e", "-d", "all", **change)
    checkpoints = tmp_path / "root/e/pretrain/train/checkpoints"
    kill_when(arguments, lambda: (checkpoints / "00000002.keras").exists())
    kill_when(arguments, lambda: any(tmp_path.glob("root/e/denoised/*/*.zarr")))
    assert main(arguments) == 0
    for name in ("pretrain/train/checkpoints/00000004.keras", "train/checkpoints/00000002.keras"):
        assert (tmp_path / "root/e" / name).read_bytes() == (whole / "root/e" / name).read_bytes()


def test_joint_denoising_shares_the_loss_and_switches_interpolation_off(whole, tmp_path, capfd):
    (tmp_path / "data").symlink_to(whole / "data")
    assert run(tmp_path, "train", scheme="joint", training={"max_iterations": 1, "log_every": 1}) == 0
    header, line = (tmp_path / "root/e/train/log.csv").read_text().splitlines()
    logged = dict(zip(header.split(","), map(float, line.split(",")), strict=True))
    parts = [logged[f"{head}_loss"] for head in ("threeclass", "cpv", "n2v")]
    assert logged["loss"] == pytest.approx(0.5 * sum(parts), rel=1e-4)
    record = json.loads((tmp_path / "root/e/train/made_from.json").read_text())
    assert record["model"]["method"] == "threeclass_cpv_n2v"
    assert record["training"]["augmentation"]["elastic"]["jitter_sigma"] == [0, 0, 0]
    assert run(tmp_path, "train", scheme={"name": "joint", "alpha": 0.2}, more=("--dry-run",)) == 0
    assert "from the beginning because scheme.alpha was 0.5, is 0.2" in capfd.readouterr().out


def test_images_are_denoised_as_volumes_are(tmp_path):
    _write_data(tmp_path / "data", (1, 40, 40))
    plane: dict[str, Any] = {"model": {"ndim": 2, "train_input_shape": [16, 16], "test_input_shape": [32, 32], "downsample_factors": [[2, 2]]}}  # fmt: skip
    shutil.copytree(tmp_path / "data/test", tmp_path / "more")
    splits = ["train", "val", "test", "unlabelled"]
    plane["data"] = {"unlabelled_data": str(tmp_path / "more"), "degrade": {"splits": splits}}
    assert run(tmp_path, "prepare", "pretrain", "denoise", "train", scheme="finetune_sequential", **plane) == 0
    record = json.loads((tmp_path / "root/e/pretrain/train/made_from.json").read_text())
    assert set(record["samples"]) == {"a", "a (2)", "a (3)", "b", "u", "u (2)"}
    assert open_sample(tmp_path / "root/e/denoised/test/u.zarr").shape == (1, 40, 40)
    (further,) = tmp_path.glob("root/data/*/unlabelled/u.zarr")
    assert open_sample(further).clean is not None


def test_the_pretraining_takes_network_and_data_and_nothing_else_of_the_training():
    change = {"training": {"batch_size": 3, "class_loss": "dice"}, "optimizer": {"lr": 0.5}, "pretrain": {"blind_extent": [0, 0, 2]}}  # fmt: skip
    config = configure(**merge(change, {"data": {"num_folds": 3}, "validation": {"fold": 1}}))
    config = config.model_copy(update={"model": config.model.model_copy(update={"networks": "separate"})})
    derived = pretraining_config(config)
    assert derived.model.networks == "shared"
    assert (derived.model.num_fmaps, derived.data.path) == (config.model.num_fmaps, config.data.path)
    assert (derived.training.batch_size, derived.optimizer.lr) == (config.pretrain.batch_size, config.pretrain.lr)
    assert derived.training.class_loss == "cross_entropy"
    assert derived.model.blind_extent == (0, 0, 2)
    # Noise that is correlated along x alone is not turned to y.
    assert derived.training.augmentation.simple.transpose == [0, 1]


def test_all_folds_are_pretrained_on(tmp_path):
    change = {"data": {"num_folds": 2, "synthetic": {"train": 2, "val": 2}}, "validation": {"fold": 1}}
    names = [
        {
            volume.name
            for volume in Pretraining.of(Experiment(tmp_path, configure(**merge(change, fold)))).volumes("train")
        }
        for fold in ({}, {"validation": {"fold": 2}}, {"pretrain": {"images": ["train"]}})
    ]
    assert names[0] == names[1]
    assert names[2] < names[0]


@pytest.mark.parametrize(
    ("scheme", "stages"),
    [("baseline", set()), ("joint", set()), ("finetune", {"pretrain"}), ("sequential", {"pretrain", "denoise"})],
)
def test_all_means_what_the_scheme_needs(scheme, stages):
    config = configure(scheme={"name": scheme})
    assert set(wanted(["all"], Choice(), by_scheme=config.scheme.stages)) - set(wanted(["all"], Choice())) == stages
    assert not {"pretrain", "denoise"} & set(
        wanted(["all"], Choice(), is_ensemble=True, by_scheme=config.scheme.stages)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scheme": {"name": "finetune"}, "init": {"checkpoint": "x"}}, "scheme.name: 'finetune' cannot be combined with init.checkpoint"),
        ({"scheme": {"name": "sequential"}, "prediction": {"ensemble": ["x"]}}, "scheme.name: 'sequential' cannot be combined with prediction.ensemble"),
        ({"scheme": {"name": "joint"}, "model": {"method": "external"}}, "scheme.name: 'joint' cannot be combined with external results"),
        ({"scheme": {"name": "joint", "alpha": 1.0}}, "scheme.alpha"),
        ({"scheme": {"name": "other"}}, "scheme.name"),
        ({"pretrain": {"images": []}}, "pretrain.images"),
        ({"data": {"degrade": {"splits": ["unlabelled"]}}}, "data.degrade.splits"),
        ({"pretrain": {"images": ["train", "train"]}}, "pretrain.images"),
        ({"scheme": {"name": "joint"}, "training": {"augmentation": {"elastic": {"jitter_sigma": [3, 3, 3]}}}}, "training.augmentation.elastic"),
    ],
)  # fmt: skip
def test_what_contradicts_a_scheme_is_refused(change, message):
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        configure(**change)
