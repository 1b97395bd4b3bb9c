"""Build the networks and record what they are."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auxcpvloss.config import Config
from auxcpvloss.config.tables import Model
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Result, Stored, reader
from auxcpvloss.network.architectures import (
    geometry,
    geometry_of_prediction,
    is_tiled_freely,
    largest_input,
    number_of_networks,
)
from auxcpvloss.network.cost import choices
from auxcpvloss.network.mirror_images import voxels_before
from auxcpvloss.network.tiling import tile_of
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.train import nuclei_sizes
from auxcpvloss.stages.train.preconditions import need_training
from auxcpvloss.stages.train.state import begin_anew
from auxcpvloss.stages.volume.networks import passes
from auxcpvloss.stages.volume.prediction import network_keys
from auxcpvloss.system.checksums import CHANGED, file_digest, is_changed_table, sealed_table
from auxcpvloss.system.files import write_text
from auxcpvloss.system.libraries import BACKEND

if TYPE_CHECKING:
    import keras


LARGE_VOLUME = (1000, 1000, 1000)
"""Shape of the volume for which the network of test is described where its input depends on the volume."""


class Mknet(Stage):
    """The description of the networks: ``train/network.json`` and ``train/network.txt``."""

    name, help = "mknet", "build the networks and describe them: shapes, parameters, receptive field, cost, memory"
    libraries = ("keras", BACKEND)
    uses_network = True
    trains = True
    needs_instances = False
    needs_network = True

    def precondition(self, run: Run) -> None:
        super().precondition(run)
        need_training(run)

    def begin(self, run: Run) -> None:
        if "train" in run.stages:
            begin_anew(run)

    def results(self, run: Run) -> Iterable[Result]:
        config = run.experiment.config
        included = {"precision", "batch_size", *(["deep_supervision"] if config.training.deep_supervision else [])}
        training = config.training.model_dump(mode="json", include=included)
        chosen = f"chosen for prediction.tile_memory = {config.prediction.tile_memory:g}"
        if any(voxels_before(config)):
            chosen += f", prediction.augment = {config.prediction.augment!r}"
        test = config.model.test_input_shape or chosen
        shapes = {"train_input_shape": config.model.train_input_shape, "test_input_shape": test}
        made_from = {**self.versioned(), "model": {**network_keys(run.experiment), **shapes}, "training": training}
        paths = (run.experiment.train_folder / "network.json", run.experiment.train_folder / "network.txt")
        yield Result(self.name, "description", "", paths, run.records.flat(made_from), _stored(*paths))

    def make(self, result: Result, run: Run) -> None:
        path, text = result.paths
        description = _build(run.experiment, text)
        made = {"made_from": result.record, "made_with": self.made_with(), "text": file_digest(text)}
        write_text(path, json.dumps(sealed_table({**description, **made}), indent=2) + "\n")

    def say(self, run: Run, tally: Tally) -> None:
        record = json.loads(tally.results[0].paths[0].read_text(encoding="utf-8"))
        whole = "" if tally.made else "whole already: "
        run.terminal.say(f"{whole}{run.experiment.method.name}: {_line(record, run.experiment.config)}")
        if often := passes(run.experiment):
            run.terminal.say(f"prediction takes {often}")
        if tally.made:
            _show_choices(run)
        if context := nuclei_sizes.about_context(run.experiment):
            run.terminal.say(context)
        for warning in nuclei_sizes.warnings(run.experiment):
            run.terminal.warn(warning)
        if run.experiment.config.model.normalization == "group":
            run.terminal.warn(
                "model.normalization = 'group' takes its statistics from each tile: predictions depend on how a "
                "volume is tiled (model.test_input_shape), and seams may be visible"
            )
        elif not is_tiled_freely(run.experiment.config.model):
            _, y, x = (axis.context for axis in geometry(run.experiment.config.model))
            run.terminal.say(
                f"the encoder sees more than the {y} x {x} pixels that tiles are given on each side: predictions "
                "depend a little on how an image is tiled (model.test_input_shape)"
            )

    def plan(self, run: Run) -> str:
        return f"{run.experiment.method.name} -> {run.experiment.train_folder}"


def _line(record: dict[str, Any], config: Config) -> str:
    train, test = record["train"], record["test"]
    z, y, x = test["input_shape"]
    test["tile"] = list(tile_of(geometry_of_prediction(config), (z, y, x)))
    is_all = test["tile"] == test["output_shape"]
    kept = "" if is_all else f", of which predictions keep {_sizes(test, 'tile')}"
    normalization = "" if train["normalization"] == "none" else f", {train['normalization']} normalization"
    number = number_of_networks(config)
    networks, in_all = (f"{number} networks of ", " in all") if number > 1 else ("", "")
    return (
        f"{networks}{train['levels']} levels{normalization}, "
        f"input {_sizes(train, 'input_shape')} -> output {_sizes(train, 'output_shape')} "
        f"(test {_sizes(test, 'input_shape')} -> {_sizes(test, 'output_shape')}{kept}), "
        f"{train['parameters']:,} parameters{in_all}, "
        f"receptive field {_sizes(train, 'receptive_field')}, "
        f"{train['flops_per_voxel'] / 1e3:,.0f} kFLOP per output voxel, "
        f"about {train['training_bytes'] / 2**30:.2g} GiB to train"
    )


def _sizes(network: dict[str, Any], key: str) -> str:
    """Sizes along the axes that there are: y and x alone for images."""
    return "x".join(map(str, network[key][3 - network["ndim"] :]))


def _show_choices(run: Run) -> None:
    """Show what training costs with other patches, and other numbers of feature maps."""
    model, rows = run.experiment.config.model, []
    for each in choices(model, run.experiment.method):
        shape, output = ("x".join(map(str, sizes[3 - model.ndim :])) for sizes in (each.shape, each.output))
        rows.append((shape, output, each.maps, each.weights, each.voxel, each.step))
    if rows:
        columns = ["train_input_shape", "output", "num_fmaps", "weights", "time of an output voxel", "time of a step"]
        run.terminal.table("Training with other keys, estimated, as multiples of the first line", columns, rows)


@reader
def _stored(path: Path, text: Path) -> Stored:
    record = json.loads(path.read_text(encoding="utf-8"))
    if is_changed_table(record):
        return Stored(problem=CHANGED)
    if not text.is_file() or record["text"] != file_digest(text):
        return Stored(problem=f"{text.name} {'belongs to other networks' if text.is_file() else 'is missing'}")
    return Stored(record["made_from"], record["made_with"])


def _build(experiment: Experiment, text: Path) -> dict[str, Any]:
    """Build the networks of training and test, write their summaries, and describe them."""
    from auxcpvloss.network.compiled import build_for_prediction, build_network

    config = experiment.config
    record, summaries = {}, []
    heads, precision = experiment.method.heads, config.training.precision
    networks = {
        "train": build_network(config, experiment.method, config.model.train_input_shape),
        "test": build_for_prediction(config, experiment.method, largest_input(config, LARGE_VOLUME), heads, precision),
    }
    for purpose, network in networks.items():
        record[purpose] = describe(network, config.model)
        summaries.append(f"{purpose} network\n{_summary(network)}")
        if purpose == "train":
            record[purpose]["training_bytes"] = training_bytes(network, config.training.batch_size)
    write_text(text, "\n".join(summaries))
    return record


def describe(network: keras.Model, model: Model) -> dict[str, Any]:
    """Levels, shapes (z, y, x), parameters, receptive field in voxels, and floating point operations of a network."""
    outputs = {name: list(tensor.shape[1:]) for name, tensor in network.output.items()}
    output_shape = next(iter(outputs.values()))[:3]
    flops = sum(_flops(layer) for layer in network.layers)
    return {
        "ndim": model.ndim,
        "levels": len(geometry(model)[0].factors) + 1,
        "normalization": model.normalization,
        "input_shape": list(network.inputs[0].shape[1:4]),
        "output_shape": output_shape,
        "heads": {name: shape[3] for name, shape in outputs.items()},
        "parameters": network.count_params(),
        "receptive_field": [axis.receptive_field for axis in geometry(model)],
        "total_downsampling": [axis.total_factor for axis in geometry(model)],
        "flops": flops,
        "flops_per_voxel": flops / math.prod(output_shape),
    }


def training_bytes(network: keras.Model, batch_size: int) -> int:
    """Estimate the memory that training needs, in bytes.

    The outputs of all layers for one batch, which wait for the backward pass, and each weight with its gradient and
    the two moments of Adam. Neither the scratch space of convolutions nor what the libraries occupy is in it: measured
    with TensorFlow on processors, training took 1.1 to 1.7 times as much.
    """
    outputs = [layer.output for layer in network.layers]
    held = sum(math.prod(output.shape[1:]) * (4 if output.dtype == "float32" else 2) for output in outputs)
    return int(batch_size * held + 4 * 4 * network.count_params())


def _flops(layer: Any) -> int:
    """Multiplications and additions of a convolution; what other layers cost is small beside it."""
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    # Each weight of a kernel is used once a voxel: of the output, or, transposed, of the input.
    transposed = "Transpose" in type(layer).__name__
    voxels = math.prod((layer.input if transposed else layer.output).shape[1:-1])
    return int(2 * voxels * math.prod(kernel.shape))


def _summary(network: keras.Model) -> str:
    lines: list[str] = []
    network.summary(line_length=110, print_fn=lambda line, **_: lines.append(line))
    return "\n".join(lines) + "\n"
