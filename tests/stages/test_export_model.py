"""Packages for bioimage.io."""

import shutil
import zipfile
from contextlib import nullcontext
from typing import Annotated

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.apply.bioimageio.naming import check_name, name_of_model
from auxcpvloss.apply.bioimageio.tensors import input_descr, input_sizes, normalized, output_descr, preprocessing
from auxcpvloss.apply.bioimageio.tensors import test_input as cut_input
from auxcpvloss.cli import main
from auxcpvloss.methods import method_of
from auxcpvloss.network.shapes import AxisGeometry
from auxcpvloss.system.errors import InputError
from tests import TEST_BACKEND
from tests.conftest import SMALL, configure

AXES = st.builds(AxisGeometry, st.lists(st.integers(1, 3), max_size=3).map(tuple), st.sampled_from([1, 3, 5]), st.integers(1, 2), st.booleans())  # fmt: skip


@given(AXES, st.integers(0, 3))
def test_every_size_of_the_description_fits_the_network(axis, steps):
    smallest, step = input_sizes(axis)
    size = smallest + steps * step
    output = axis.output_size(size)
    assert output
    # As the description refers to the size of the input.
    assert output == size + axis.output_size(smallest) - smallest
    if axis.valid:
        assert not any(axis.output_size(less) for less in range(1, smallest))
    else:
        assert output > 2 * axis.context


def described(tensor: np.ndarray, steps: list[dict]) -> np.ndarray:
    """The preprocessing of a description, as bioimage.io defines it, of one sample."""
    tensor = tensor.astype(np.float64)
    for step in steps:
        options = step["kwargs"]
        if step["id"] == "scale_range":
            low, high = np.percentile(tensor, (options["min_percentile"], options["max_percentile"]))
            tensor = (tensor - low) / (high - low + options["eps"])
        elif step["id"] == "clip":
            tensor = tensor.clip(options["min"], options["max"])
        else:
            assert step["id"] == "zero_mean_unit_variance"
            tensor = (tensor - tensor.mean()) / (tensor.std() + options["eps"])
    return tensor


@pytest.mark.parametrize("kind", ["percentile", "min_max", "mean_std", "none"])
def test_intensities_are_normalized_as_in_training(kind):
    config = configure(preprocessing={"normalize": kind, "lower_percentile": 3.0, "upper_percentile": 99.8})
    raw = np.random.default_rng(1).gamma(2, 100, (1, 12, 14, 16, 1)).astype(np.float32)
    raw = raw / raw.max() if kind == "none" else raw
    np.testing.assert_allclose(normalized(config, raw), described(raw, preprocessing(config)), rtol=1e-5, atol=1e-6)


def test_what_cannot_be_described_is_refused():
    with pytest.raises(InputError, match=r"preprocessing\.square"):
        preprocessing(configure(preprocessing={"square": True}))


@pytest.mark.parametrize("shape", [(9, 200, 50), (44, 44, 44)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_test_input_has_a_size_that_the_network_takes(padding, shape):
    config = configure(model={**SMALL, "padding": padding, "train_input_shape": [16, 16, 16], "test_input_shape": []})
    cut = cut_input(config, np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    sizes = [axis["size"] for axis in input_descr(config, (2, 1, 1))["axes"] if axis["type"] == "space"]
    for length, size in zip(cut.shape[1:4], sizes, strict=True):
        assert (length - size["min"]) % size["step"] == 0 <= length - size["min"]
    (head, *_) = method_of(config).heads
    halos = ["halo" in axis for axis in output_descr(config, head, (2, 1, 1))["axes"] if axis["type"] == "space"]
    assert halos == [padding == "same"] * 3


@given(st.text())
def test_every_experiment_gives_a_name_that_is_accepted(experiment):
    check_name(name_of_model(experiment))


@pytest.mark.parametrize(("name", "fits"), [("abcd", False), ("abcde", True), ("a" * 128, True), ("a" * 129, False), ("größe", False), ("a/b/c", False)])  # fmt: skip
def test_names_are_refused_as_by_the_validator(name, fits):
    spec = pytest.importorskip("bioimageio.spec.model.v0_5")
    field = spec.ModelDescr.model_fields["name"]
    with nullcontext() if fits else pytest.raises(pydantic.ValidationError):
        pydantic.TypeAdapter(Annotated[str, *field.metadata]).validate_python(name)
    with nullcontext() if fits else pytest.raises(InputError):
        check_name(name)
    assert not fits or name_of_model(name) == name


def test_the_validator_gets_the_expected_output(every_stage, tmp_path, capfd):
    if TEST_BACKEND != "tensorflow":
        pytest.skip("networks of other backends are not exported")
    pytest.importorskip("bioimageio.core")
    pytest.importorskip("tf2onnx")
    shutil.copytree(every_stage / "root", tmp_path / "root")
    out, experiment = tmp_path / "made/nuclei.zip", tmp_path / "root/e"
    command = ["export-model", str(experiment), "-o", str(out), "--author", "A; B; 0000-0002-1825-0097", "--license"]
    assert main([*command, "no license"]) == 2
    assert "license" in capfd.readouterr().err
    assert not out.exists()
    assert main([*command, "MIT", "--name", "abc"]) == 2
    assert "--name" in capfd.readouterr().err
    # The name of the experiment is too short for bioimage.io.
    assert main([*command, "MIT", "--cite", "Text; 10.1234/5678"]) == 0
    with zipfile.ZipFile(out) as package:
        assert {"rdf.yaml", "weights.keras", "weights.onnx", "README.md", "cover.png"} <= set(package.namelist())
        assert b"auxcpvloss segment" in package.read("README.md")
        assert b"name: nuclei e" in package.read("rdf.yaml")
    assert main([*command, "MIT"]) == 2
    assert "exists" in capfd.readouterr().err
