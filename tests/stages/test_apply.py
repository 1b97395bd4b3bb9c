"""A trained network applied to images of no experiment: `load_model` and the command ``segment``."""

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import toml
import zarr
from scipy.special import softmax

from auxcpvloss import InputError, load_model
from auxcpvloss.apply.model import Model
from auxcpvloss.cli import INPUT_ERROR, main
from auxcpvloss.experiment.selection_file import Selection
from tests.conftest import blobs
from tests.data.test_sources import write_arrays


def volume(seed: int) -> np.ndarray:
    """What the stages were given as raw image of the volume of this number, see `gpu_part`."""
    labels = blobs((28, 28, 36), 6, seed=seed)
    return ((labels > 0) * 150 + np.random.default_rng(seed).integers(0, 60, labels.shape)).astype(np.uint8)


@pytest.fixture(scope="module")
def trained(gpu_part, tmp_path_factory):
    """The experiment, and the instances of its test volume."""
    root = gpu_part.copy(tmp_path_factory.mktemp("apply"))
    assert main(["-id", "run", "-r", str(root), "-d", "validate_checkpoints", "predict", "label"]) == 0
    (path,) = (root / "run").glob("test/instanced/*/*/e.hdf")
    with h5py.File(path, "r") as file:
        return root / "run", file["volumes/instances"][:]


@pytest.fixture(scope="module")
def model(trained):
    return load_model(trained[0])


def copy(folder, to, model):
    """Copy what is needed of an experiment."""
    checkpoint = f"train/checkpoints/{model.checkpoint:08d}.keras"
    for name in ("config.toml", "val/selection.toml", "train/made_from.json", checkpoint):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_bytes((folder / name).read_bytes())


def test_a_warning_is_not_printed_twice():
    code = "import auxcpvloss.apply; from auxcpvloss.system.terminal import Terminal; Terminal().warn('once')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.count("once"), done.stderr) == (1, "")


def test_arrays_are_segmented_as_the_stages_do(trained, model):
    folder, instances = trained
    found = model.segment(volume(4), voxel_size=(1, 1, 1.05))
    assert found.dtype == np.uint32
    assert instances.max() > 2
    assert np.array_equal(found, instances)
    (path,) = folder.glob(f"test/processed/{model.checkpoint}/e.zarr")
    for head, array in model.predict(volume(4)).items():
        stored = zarr.open_array(str(path / "volumes" / f"pred_{head}"), mode="r")
        assert (array.dtype, array.shape) == (stored.dtype, stored.shape)
        assert np.array_equal(array, stored[:])


def test_mirror_images_are_averaged(model):
    """Of an image whose size the total downsampling divides, each by a prediction of its own."""
    config, image = model.experiment.config, volume(4)
    prediction = config.prediction.model_copy(update={"augment": "flips"})
    experiment = replace(model.experiment, config=config.model_copy(update={"prediction": prediction}))
    found = Model(experiment, Selection(model.checkpoint, model.params)).predict(image)
    axes = [[axis for axis in range(3) if number >> axis & 1] for number in range(8)]
    each = [model.predict(np.flip(image, mirrored)) for mirrored in axes]
    classes = [np.flip(softmax(p["threeclass"], axis=0), [1 + a for a in m]) for p, m in zip(each, axes, strict=True)]
    assert np.std(classes, axis=0).max() > 0.01
    np.testing.assert_allclose(softmax(found["threeclass"], axis=0), np.mean(classes, axis=0), atol=1e-5)
    signs = [np.array([-1 if axis in m else 1 for axis in range(3)]).reshape(3, 1, 1, 1) for m in axes]
    vectors = [
        s * np.flip(p["cpv"], [1 + a for a in m]) for p, m, s in zip(each, axes, signs, strict=True) if "cpv" in p
    ]
    if vectors:
        np.testing.assert_allclose(found["cpv"], np.mean(vectors, axis=0), atol=1e-4)


def test_without_the_volumes_on_a_copy(trained, model, tmp_path):
    copy(trained[0], tmp_path, model)
    assert np.array_equal(load_model(tmp_path).segment(volume(4)), trained[1])
    with pytest.raises(InputError, match="available: "):
        load_model(tmp_path, checkpoint=7)


def test_files_are_resampled_to_the_voxels_of_the_network(trained, model, tmp_path, capfd):
    copy(trained[0], tmp_path, model)
    tables = tomllib.loads((trained[0] / "config.toml").read_text())
    tables["data"] |= {"target_voxel_size": [1, 1, 1], "voxel_size": []}
    (tmp_path / "config.toml").write_text(toml.dumps(tables))
    image, resampling = volume(4)[::2], load_model(tmp_path)
    with pytest.raises(InputError, match="voxel_size: not known"):
        resampling.segment(image)
    expected = resampling.segment(image, voxel_size=(2, 1, 1))
    assert expected.shape == image.shape
    assert not np.array_equal(expected, model.segment(image))
    tifffile.imwrite(tmp_path / "plain.tif", image, photometric="minisblack")
    write_arrays(tmp_path / "sized.zarr", image, resolution=(2, 1, 1))
    command = ["segment", *(str(tmp_path / name) for name in ("plain.tif", "sized.zarr")), "--model", str(tmp_path)]
    assert main([*command, "-o", str(tmp_path / "out")]) == INPUT_ERROR
    assert "plain: voxel_size: not known" in capfd.readouterr().err
    assert np.array_equal(tifffile.imread(tmp_path / "out" / "sized_labels.tif"), expected)


def test_padding_is_cut_off(model):
    experiment = model.experiment
    data = experiment.config.data.model_copy(update={"padding": (2, 0, 3)})
    padded = replace(experiment, config=experiment.config.model_copy(update={"data": data}))
    image = volume(4)[:, :20]
    assert Model(padded, Selection(model.checkpoint, model.params)).segment(image).shape == image.shape


def test_images_of_other_voxels_are_resampled_and_given_back(trained, model):
    experiment = model.experiment
    data = experiment.config.data.model_copy(update={"target_voxel_size": (1.0, 1.0, 1.0), "padding": (1, 0, 2)})
    config = experiment.config.model_copy(update={"data": data})
    resampling = Model(replace(experiment, config=config), Selection(model.checkpoint, model.params))
    coarse = volume(4)[::2]
    found, plain = resampling.segment(coarse, voxel_size=(2, 1, 1)), trained[1][::2]
    assert found.shape == coarse.shape
    assert np.count_nonzero((found > 0) & (plain > 0)) > 0.7 * np.count_nonzero(plain)
    assert all(each.shape[1:] == coarse.shape for each in resampling.predict(coarse, voxel_size=(2, 1, 1)).values())
    with pytest.raises(InputError, match="voxel_size"):
        resampling.segment(coarse, voxel_size=(2, 1))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((4, 5, 6)), "constant: every voxel is 0"),
        (np.full((4, 5, 6), np.nan), "NaN"),
        (np.zeros((2, 4, 5, 6)), "4 axes; expected one channel with the axes Z, Y, X"),
        (volume(4)[0], "2 axes"),
        (volume(4) > 3, "type bool"),
    ],
)
def test_what_is_no_image_is_refused(model, image, words):
    with pytest.raises(InputError, match=words):
        model.segment(image)


def test_other_voxel_sizes_are_warned_of(model):
    with pytest.warns(UserWarning, match="5 times as large") as told:
        model.segment(volume(4)[:10, :10, :10], voxel_size=(5, 5, 5))
    assert [Path(each.filename).name for each in told if "as large" in str(each.message)] == [Path(__file__).name]
    with pytest.raises(InputError, match="three positive numbers"):
        model.segment(volume(4), voxel_size=(1, 1))


def test_without_a_selection_another_checkpoint_can_be_chosen(gpu_part, tmp_path):
    folder = gpu_part.copy(tmp_path) / "run"
    with pytest.raises(InputError, match=r"no checkpoint has been selected yet\.\n.*'last'"):
        load_model(folder)
    assert load_model(folder, checkpoint="last").checkpoint == load_model(folder, checkpoint=90).checkpoint == 90


def test_there_must_be_a_trained_experiment(trained, tmp_path):
    with pytest.raises(InputError, match="expected the folder of a trained experiment"):
        load_model(tmp_path)
    with pytest.raises(InputError, match="'best', 'last'"):
        load_model(trained[0], checkpoint="newest")


def test_the_configuration_must_be_that_of_the_training(trained, model, tmp_path):
    copy(trained[0], tmp_path, model)
    copied = tmp_path / "config.toml"
    copied.write_text(copied.read_text().replace("seed = ", "seed = 1"))
    with pytest.raises(InputError, match="changed since it was written"):
        load_model(tmp_path)


def test_a_damaged_network_is_told_before_any_image_is_read(model, trained, tmp_path):
    copy(trained[0], tmp_path, model)
    path = tmp_path / f"train/checkpoints/{model.checkpoint:08d}.keras"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"keras: damaged: "):
        load_model(tmp_path, checkpoint="last")


def test_what_is_missing_is_told_on_lines_of_their_own(trained, model, tmp_path):
    copy(trained[0], tmp_path, model)
    (tmp_path / "train/made_from.json").unlink()
    with pytest.raises(InputError, match=r"is not known\.\nRestore it, or run the stage train"):
        load_model(tmp_path)


def test_files_of_every_format_are_segmented(trained, tmp_path, capfd):
    folder, instances = trained
    files = [
        write_arrays(tmp_path / f"a_{kind}.{kind}", volume(4), resolution=(1, 1, 1)) for kind in ("zarr", "n5", "hdf")
    ]
    files.append(tmp_path / "a_tif.tif")
    tifffile.imwrite(files[-1], volume(4), imagej=True, resolution=(0.2, 0.2), metadata={"spacing": 5, "unit": "um", "axes": "ZYX"})  # fmt: skip
    command = ["segment", *map(str, files), "--model", "run", "-r", str(folder.parent), "-o", str(tmp_path / "out")]
    assert main(command) == 0
    shown = capfd.readouterr().out
    assert "its voxels are 5 x 5 x 5, those of the training volumes 1 x 1 x 1" in shown
    for kind in ("zarr", "n5", "hdf", "tif"):
        path = tmp_path / "out" / f"a_{kind}_labels.tif"
        assert np.array_equal(tifffile.imread(path), instances)
        record = json.loads(path.with_suffix(".json").read_text())
        assert record["nuclei"] == len(np.unique(instances)) - 1
        with tifffile.TiffFile(path) as tiff:
            assert tiff.imagej_metadata["spacing"] == (5 if kind == "tif" else 1)
            assert tiff.pages[0].compression.name == "ADOBE_DEFLATE"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*_labels.*")}
    assert main(command) == 0
    assert capfd.readouterr().out.count("whole already") == 4
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_files_that_fail_do_not_stop_the_others(trained, tmp_path, capfd):
    for name, image in {"blank": np.zeros((8, 9, 10), np.uint8), "good": volume(4), "next": volume(5)}.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", image, photometric="minisblack")
    (tmp_path / "no.tif").write_bytes(b"no TIFF")
    out, files = tmp_path / "out", [str(tmp_path / f"{name}.tif") for name in ("blank", "no", "good", "next")]
    out.mkdir()
    (out / "next_labels.tif").write_text("somebody's own")
    command = ["segment", *files, "--model", str(trained[0]), "-o", str(out)]
    assert main(command) == INPUT_ERROR
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "3 of 4 images not segmented:"
    assert [line.partition(":")[0] for line in lines[1:]] == ["blank", "no", "next"]
    assert "--overwrite" in lines[-1]
    assert (out / "next_labels.tif").read_text() == "somebody's own"
    assert (out / "good_labels.tif").is_file()
    assert main(["segment", files[3], *command[5:], "--overwrite"]) == 0
    assert tifffile.imread(out / "next_labels.tif").shape == (28, 28, 36)


def test_nothing_is_written_where_the_files_are_wrong(trained, tmp_path, capfd):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", volume(4), photometric="minisblack")
    (tmp_path / "a.png").write_bytes(b"")
    ends = ["--model", str(trained[0]), "-o", str(tmp_path / "out")]
    for names, words in (
        (["one/a.tif", "two/a.tif"], "same name"),
        (["a.png"], "no supported format"),
        (["b.tif"], "no such file"),
    ):
        assert main(["segment", *(str(tmp_path / name) for name in names), *ends]) == INPUT_ERROR
        assert words in capfd.readouterr().err
    assert main(["segment", str(tmp_path / "one/a.tif"), "--model", "none", "-o", str(tmp_path / "out")]) == INPUT_ERROR
    assert "expected the folder of a trained experiment" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_messages_about_files_name_the_options_of_the_command(trained, tmp_path, capfd):
    tifffile.imwrite(tmp_path / "two.tif", np.stack([volume(4)] * 2, 1), imagej=True, metadata={"axes": "ZCYX"})
    zarr.open_group(str(tmp_path / "other.zarr"), mode="w")["image"] = volume(4)
    command = ["segment", *(str(tmp_path / name) for name in ("two.tif", "other.zarr")), "--model", str(trained[0])]
    command += ["-o", str(tmp_path / "out")]
    assert main(command) == INPUT_ERROR
    said = capfd.readouterr().err
    assert "set --channel (0 to 1)" in said
    assert "(--raw-key)" in said
    assert main([*command, "--channel", "2"]) == INPUT_ERROR
    assert "--channel 2 is not one of its 2 channels" in capfd.readouterr().err
