"""Begin with the weights of another network, layer by layer.

A ``.keras`` file is a zip with the weights (HDF5) and the architecture (JSON). Both are read as data: no layer is made
from the file, so nothing that somebody wrote into it is run.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import h5py

from auxcpvloss.config.tables import Init
from auxcpvloss.methods.method import Head
from auxcpvloss.network.keras_files import check_keras_file
from auxcpvloss.system.errors import InputError

HEADS = "heads"
"""Layer whose channels are those of all heads, one after the other."""


@dataclass
class Loaded:
    """What was taken over.

    Attributes
    ----------
    layers : list of str
        Layers that were, whole; of the layer `HEADS` those heads that were, ``heads/<head>``, if not all.
    weights : int
        Numbers in them.
    left : dict
        Why each other layer (or head) was not.
    """

    layers: list[str] = field(default_factory=list)
    weights: int = 0
    left: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """The weights in a file: those of each layer, in order, and the channels of `HEADS` that each head has."""

    layers: Mapping[str, list[h5py.Dataset]]
    heads: Mapping[str, slice]


def take_over(network: Any, heads: tuple[Head, ...], path: Path, table: Init) -> Loaded:
    """Load the layers that [init] names and that are in the file, with the same name and shapes.

    Parameters
    ----------
    network : keras.Model
    heads : of the network, in the order of its channels
    path : Path
        A ``.keras`` file.
    table : Init

    Raises
    ------
    InputError
        Not such a file; nothing in it fits; or everything does, and [init] wants the rest trained first.
    """
    loaded = Loaded()
    with _open(path) as checkpoint:
        for layer in network.layers:
            if layer.weights:
                _take_layer(layer, heads, checkpoint, table, loaded)
    if not loaded.layers:
        raise InputError(f"init.checkpoint: nothing of {path} fits this network. Not loaded: {_reasons(loaded.left)}.")
    if table.freeze_iterations and not loaded.left:
        raise InputError(
            "init.freeze_iterations: every layer is loaded, so there is none to train while the loaded ones are "
            "frozen. Set it to 0, or leave layers out with init.skip."
        )
    return loaded


def describe(loaded: Loaded) -> list[str]:
    """Give a line for people on what was loaded, and one on what was not, if anything."""
    count = len(loaded.layers) + len(loaded.left)
    taken = f"loaded {len(loaded.layers)} of {count} layers, {loaded.weights:,} weights: {', '.join(loaded.layers)}"
    return [taken, f"not loaded: {_reasons(loaded.left)}"] if loaded.left else [taken]


def _reasons(left: Mapping[str, str]) -> str:
    by_reason: dict[str, list[str]] = {}
    for name, reason in left.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_reason.items())


def _take_layer(layer: Any, heads: tuple[Head, ...], checkpoint: Checkpoint, table: Init, loaded: Loaded) -> None:
    if layer.name == HEADS and checkpoint.heads:
        _take_heads(layer, heads, checkpoint, table, loaded)
        return
    stored = checkpoint.layers.get(layer.name)
    reason = _refused([layer.name], table) or _unlike(stored, [tuple(weight.shape) for weight in layer.weights])
    if reason or stored is None:
        loaded.left[layer.name] = reason
        return
    layer.set_weights([dataset[()] for dataset in stored])
    loaded.layers.append(layer.name)
    loaded.weights += layer.count_params()


def _take_heads(layer: Any, heads: tuple[Head, ...], checkpoint: Checkpoint, table: Init, loaded: Loaded) -> None:
    """Load the channels of each head that the other network has too, wherever they are among its channels."""
    own, stored = [weight.numpy() for weight in layer.weights], checkpoint.layers.get(HEADS)
    first, taken = 0, []
    for head in heads:
        name, here = f"{HEADS}/{head.name}", slice(first, first + head.channels)
        there = checkpoint.heads.get(head.name, slice(0, 0))
        shapes = [(*weight.shape[:-1], head.channels) for weight in own]
        reason = _refused([HEADS, name], table)
        reason = reason or ("" if head.name in checkpoint.heads else "not in the file")
        reason = reason or _unlike(stored, shapes, there)
        first += head.channels
        if reason or stored is None:
            loaded.left[name] = reason
            continue
        for weight, dataset in zip(own, stored, strict=True):
            weight[..., here] = dataset[()][..., there]
        taken.append(name)
        loaded.weights += sum(weight[..., here].size for weight in own)
    layer.set_weights(own)
    loaded.layers += [HEADS] if len(taken) == len(heads) else taken


def _refused(names: list[str], table: Init) -> str:
    """Say if [init] does not want a layer of these names."""
    if any(fnmatchcase(name, pattern) for name in names for pattern in table.skip):
        return "init.skip"
    return "" if any(fnmatchcase(name, pattern) for name in names for pattern in table.match) else "not in init.match"


def _unlike(stored: list[h5py.Dataset] | None, shapes: list[tuple[int, ...]], channels: slice | None = None) -> str:
    """Say in what stored weights, or some channels of them, differ from what is needed; nothing is read for it."""
    if stored is None:
        return "not in the file"
    there = [dataset.shape for dataset in stored]
    if channels is not None:
        there = [(*shape[:-1], len(range(shape[-1])[channels])) for shape in there]
    if there == shapes:
        return ""
    if len(there) != len(shapes):
        return f"{len(there)} weights there, {len(shapes)} here"
    one, other = next((a, b) for a, b in zip(there, shapes, strict=True) if a != b)
    return f"{'x'.join(map(str, one))} there, {'x'.join(map(str, other))} here"


@contextmanager
def _open(path: Path) -> Iterator[Checkpoint]:
    problem = f"init.checkpoint: {path} is no .keras file with weights"
    try:
        check_keras_file(path)
    except FileNotFoundError:
        raise InputError(f"init.checkpoint: {path}: no such file.") from None
    except InputError as error:
        raise InputError(f"{problem}: {error}.") from error
    try:
        # The weights are read from the archive as needed: nothing is unpacked that does not fit the network.
        with (
            zipfile.ZipFile(path) as archive,
            archive.open("model.weights.h5") as weights,
            h5py.File(weights, "r") as file,
        ):
            yield Checkpoint(_layers(file), _heads(archive))
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise InputError(f"{problem}: {error}.") from error


def _layers(file: h5py.File) -> dict[str, list[h5py.Dataset]]:
    found: dict[str, list[h5py.Dataset]] = {}

    def visit(place: str, group: Any) -> None:
        # visititems follows no links to other files.
        if isinstance(group, h5py.Group) and place.startswith("layers/") and "name" in group.attrs:
            datasets = [group[key] for key in sorted(group, key=int)]
            if any(not isinstance(d, h5py.Dataset) or d.external or d.is_virtual for d in datasets):
                raise ValueError(f"{place} refers to other files")
            if datasets:
                found[str(group.attrs["name"])] = datasets

    file.visititems(visit)
    return found


def _heads(archive: zipfile.ZipFile) -> dict[str, slice]:
    """Channels of `HEADS` by head: the slices of it that the outputs are. Empty if the architecture is another."""
    layers = json.loads(archive.read("config.json"))["config"]["layers"]
    cut: dict[str, slice] = {}
    heads: dict[str, slice] = {}
    for layer in layers:
        if layer["class_name"] == "GetItem" and _inputs(layer) == HEADS:
            part = layer["inbound_nodes"][0]["args"][1][-1]["config"]
            cut[layer["name"]] = slice(part["start"], part["stop"])
    for layer in layers:
        if layer["class_name"] == "Identity" and _inputs(layer) in cut:
            heads[layer["name"]] = cut[_inputs(layer)]
    return heads


def _inputs(layer: Mapping[str, Any]) -> str:
    """Name of the layer that a layer takes its first input from."""
    return str(layer["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0])
