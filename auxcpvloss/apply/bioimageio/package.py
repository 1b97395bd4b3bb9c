"""Write the package of a model, and have the validator of bioimage.io test it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss import __version__
from auxcpvloss.apply.bioimageio.documentation import cover, readme
from auxcpvloss.apply.bioimageio.tensors import RAW, input_descr, normalized, output_descr, test_input
from auxcpvloss.apply.model import Model
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.system.errors import InputError, StageError

if TYPE_CHECKING:
    import keras

PAPER = {
    "text": "Hirsch, Kainmueller: An Auxiliary Task for Learning Nuclei Segmentation in 3D Microscopy Images (2020)",
    "url": "https://2020.midl.io/papers/hirsch20.html",
}
TAGS = ("3d", "fluorescence-light-microscopy", "nuclei", "instance-segmentation", "unet", "keras")
TOLERANCE = 1e-3
"""By how much outputs may differ on other machines, and between formats of the weights, relative to the largest."""


@dataclass(frozen=True)
class About:
    """What only people know of a model.

    Attributes
    ----------
    name, description : str
    authors : sequence of mapping
        "name", and "affiliation" and "orcid" where they are known.
    license : str
        Identifier of SPDX.
    cite : sequence of mapping
        "text" and "doi" or "url", besides the paper of the method.
    version : str
    """

    name: str
    description: str
    authors: Sequence[Mapping[str, str]]
    license: str
    cite: Sequence[Mapping[str, str]]
    version: str


def need_libraries() -> None:
    """Refuse to begin without the libraries that write and test packages; keep them from writing to the terminal."""
    try:
        with warnings.catch_warnings():
            # Of one library about another.
            warnings.simplefilter("ignore")
            import bioimageio.core
            import onnxruntime  # noqa: F401
            import tf2onnx  # noqa: F401
            from loguru import logger
    except ImportError as error:
        raise InputError(
            f"export-model needs the library {error.name}: pip install 'auxcpvloss[bioimageio]', or bioimageio.core, "
            "tf2onnx, onnx and onnxruntime."
        ) from None
    for name in ("bioimageio.spec", bioimageio.core.__name__):
        logger.disable(name)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def sample_of(model: Model, name: str) -> Sample:
    """Give the volume that test tensors are cut from: the first of test, unless another one is named.

    Raises
    ------
    InputError
        There is no such volume, or it is not prepared.
    """
    experiment = model.experiment
    volumes = [volume for split in (TEST, "val", "train") for volume in experiment.volumes(split)]
    chosen = next((volume for volume in volumes if name in ("", volume.name)), None)
    if chosen is None:
        raise InputError(f"--volume {name}: no such volume; there are {', '.join(each.name for each in volumes)}.")
    return experiment.sample(chosen)


def write_files(model: Model, sample: Sample, about: About, folder: Path) -> dict[str, Any]:
    """Write weights, tensors, picture and README of a package into a folder; gives its description.

    Raises
    ------
    InputError
        Of the checkpoint, or of what bioimage.io cannot describe.
    """
    from auxcpvloss.network.exported import exported_network, write_onnx

    experiment, config, method = model.experiment, model.experiment.config, model.experiment.method
    heads = method.predicted_heads(model.params)
    size = sample.voxel_size
    described = {"inputs": [input_descr(config, size)], "outputs": [output_descr(config, head, size) for head in heads]}
    checkpoint = experiment.checkpoints.need(model.checkpoint)
    network = exported_network(config, method, checkpoint, [head.name for head in heads])
    network.save(folder / "weights.keras")
    write_onnx(network, folder / "weights.onnx")
    given = test_input(config, np.asarray(sample.raw.read()))
    outputs = network.predict_on_batch(normalized(config, given))
    outputs = outputs if isinstance(outputs, list) else [outputs]
    expected = {head.name: np.asarray(tensor) for head, tensor in zip(heads, outputs, strict=True)}
    for tensor in (*described["inputs"], *described["outputs"]):
        name = tensor["id"]
        array = {RAW: given, **expected}[name]
        np.save(folder / f"test_{name}.npy", array)
        tensor["test_tensor"] = {"source": f"test_{name}.npy"}
    image = given[0, ..., 0]
    labels = model.segment(image if config.model.ndim == 3 else image[0]).reshape(image.shape)
    (folder / "cover.png").write_bytes(cover(normalized(config, given)[0, ..., 0], labels))
    (folder / "README.md").write_text(readme(model, about.name, about.description), encoding="utf-8")
    description = {**_described(about, model), **described, "weights": _weights(network)}
    description["config"]["bioimageio"] = {"reproducibility_tolerance": _tolerances(expected)}
    return description


def _described(about: About, model: Model) -> dict[str, Any]:
    made = {"version": __version__, "method": model.experiment.method.name, "checkpoint": model.checkpoint}
    parameters = {"parameters": model.params.with_effect()}
    return {
        "type": "model",
        "name": about.name,
        "description": about.description,
        "authors": [dict(each) for each in about.authors],
        "license": about.license,
        "cite": [dict(each) for each in (*about.cite, PAPER)],
        "version": about.version,
        "tags": list(TAGS),
        "documentation": {"source": "README.md"},
        "covers": [{"source": "cover.png"}],
        "config": {"auxcpvloss": {**made, **parameters}},
    }


def _tolerances(outputs: Mapping[str, NDArray[np.float32]]) -> list[dict[str, Any]]:
    """Say by how much each output may differ."""
    return [
        {
            "relative_tolerance": TOLERANCE,
            "absolute_tolerance": TOLERANCE * float(np.abs(tensor).max()),
            "output_ids": [name],
        }
        for name, tensor in outputs.items()
    ]


def _weights(network: keras.Model) -> dict[str, Any]:
    import keras
    import tensorflow

    from auxcpvloss.network.exported import OPSET

    made_with = {"keras_version": keras.__version__, "backend": ("tensorflow", tensorflow.__version__)}
    return {
        "keras_v3": {"source": "weights.keras", **made_with},
        "onnx": {"source": "weights.onnx", "opset_version": OPSET, "parent": "keras_v3"},
    }


def write_package(described: Mapping[str, Any], folder: Path, out: Path) -> list[str]:
    """Write the files in a folder, with their description, as a zip; gives the warnings of the validator.

    Raises
    ------
    InputError
        The validator refuses the description: a name, an author, the license.
    StageError
        The network does not give the expected output.
    """
    import keras
    from bioimageio.core import test_model
    from bioimageio.spec import InvalidDescr, ValidationContext, build_description, save_bioimageio_package
    from bioimageio.spec.model.v0_5 import ModelDescr

    with ValidationContext(root=folder):
        content = {**described, "format_version": ModelDescr.implemented_format_version}
        made = build_description(content, context=ValidationContext(root=folder))
    if isinstance(made, InvalidDescr):
        problems = [f"{_place(each.loc)}: {each.msg}" for each in made.validation_summary.errors]
        raise InputError("bioimage.io refuses the description:", *problems)
    save_bioimageio_package(made, output_path=out)
    keras.utils.disable_interactive_logging()
    told: list[str] = []
    for weights in ("keras_v3", "onnx"):
        summary = test_model(out, weight_format=weights)
        if summary.status != "passed":
            why = "; ".join(each.msg for each in summary.errors) or summary.status
            raise StageError(f"bioimageio.core: the test of the exported model fails ({weights}): {why}")
        # How well outputs agree is told as a warning, too.
        others = (each for each in summary.warnings if each.loc[:1] != ("weights",))
        told += [f"{_place(each.loc)}: {each.msg}" for each in others]
    return list(dict.fromkeys(told))


def _place(loc: Sequence[Any]) -> str:
    return ".".join(map(str, loc))
