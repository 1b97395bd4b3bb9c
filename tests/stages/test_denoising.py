"""An experiment that denoises: which stages there are for it, and what it is warned of."""

import numpy as np
import pytest
import tifffile
import toml
import zarr
from scipy import ndimage

from auxcpvloss import load_model
from auxcpvloss.cli import main
from auxcpvloss.system.errors import InputError
from tests.conftest import SMALL, TINY, blobs, merge


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images with noise that is correlated along x."""
    folder = tmp_path_factory.mktemp("denoising")
    for number, split in enumerate(("train", "test")):
        labels = blobs((1, 64, 128), 12, seed=number)[0]
        noise = ndimage.gaussian_filter1d(np.random.default_rng(number).normal(0, 20, labels.shape), 1, axis=1)
        for kind, array in (("images", 60.0 + 60 * (labels > 0) + 2 * noise), ("masks", labels)):
            (folder / "data" / split / kind).mkdir(parents=True)
            tifffile.imwrite(folder / "data" / split / kind / "a.tif", array.clip(0).astype(np.uint8))
    return folder


def run(folder, *arguments, **change):
    model = {**SMALL, "ndim": 2, "train_input_shape": [16, 16], "test_input_shape": [64, 64], "method": "noise2void"}
    training = {"max_iterations": 2, "checkpoints": 2, "snapshots": 1}
    tables = {"data": {"input_format": "tif", "path": str(folder / "data")}, "model": model, "training": training}
    tables["model"]["downsample_factors"], tables["data"]["voxel_size"] = [[2, 2]], [1, 1]
    (folder / "n.toml").write_text(toml.dumps(merge(merge(TINY, tables), change)))
    return main(["-c", str(folder / "n.toml"), "-r", str(folder / "root"), *arguments])


def test_all_stages_that_there_are_for_it(folder, capfd):
    assert run(folder, "-d", "all") == 0
    said = "".join(capfd.readouterr())
    assert "noise is correlated along x" in said
    assert "blind_extent = [0, 2]" in said
    (prediction,) = (folder / "root" / "n" / "test" / "processed").rglob("*.zarr")
    assert zarr.open_group(str(prediction), mode="r")["volumes/pred_denoised"].shape == (1, 1, 64, 128)
    assert run(folder, "-d", "status") == 0
    assert "label" not in capfd.readouterr().out
    assert run(folder, "-d", "predict", "label", "evaluate") == 2
    said = capfd.readouterr().err
    assert "label, evaluate does not apply" in said
    assert "prepare, mknet, train, predict" in said
    with pytest.raises(InputError, match="finds no nuclei"):
        load_model(folder / "root" / "n")


def test_no_warning_of_noise_that_is_hidden(folder, capfd):
    still = {"training": {"augmentation": {"simple": {"transpose": []}}}, "model": {"blind_extent": [0, 3]}}
    assert run(folder, "-d", "train", "-id", "hidden", **still) == 0
    assert "correlated" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"training": {"augmentation": {"gaussian_blur": {"probability": 0.5}}}}, "augmentation.gaussian_blur: "),
        ({"training": {"augmentation": {"zoom": {"probability": 0.5}}}}, "augmentation.zoom: "),
        ({"training": {"augmentation": {"elastic": {"rotation_max": 5}}}}, "augmentation.elastic: "),
        ({"model": {"blind_extent": [0, 3]}}, "augmentation.simple.transpose: "),
        ({"model": {"auxiliary": ["cpv"]}}, "model.auxiliary: "),
        ({"model": {"blind_share": 0.0}}, "model.blind_share: "),
        ({"model": {"blind_radius": 0}}, "model.blind_radius: "),
        ({"model": {"method": "sdt", "blind_radius": 3}}, "model.blind_radius: "),
        ({"model": {"method": "sdt", "auxiliary": ["n2v"]}, "training": {"augmentation": {"elastic": {"rotation_max": 5}}}}, "augmentation.elastic: "),
    ],
)  # fmt: skip
def test_what_contradicts_it_is_refused(tmp_path, capfd, change, key):
    assert run(tmp_path, "-d", "train", **change) == 2
    assert key in capfd.readouterr().err
    assert not (tmp_path / "root").exists()


def test_freezing_without_weights_is_told_to_have_no_effect(folder, capfd):
    frozen = {"init": {"freeze_iterations": 1}}
    assert run(folder, "-id", "frozen", "-d", "train", "--dry-run", **frozen) == 0
    assert "images (a)" in capfd.readouterr().out
    assert run(folder, "-id", "frozen", "-d", "train", **frozen) == 0
    assert "init.freeze_iterations has no effect" in "".join(capfd.readouterr())
