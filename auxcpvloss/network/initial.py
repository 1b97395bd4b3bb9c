"""Begin with the weights of another network, layer by layer.

A ``.keras`` file is a zip with the weights (HDF5) and the architecture (JSON). Both are read as data: no layer is made
from the file, so that nothing in it is run.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from auxcpvloss.config.tables import Init
from auxcpvloss.methods.method import Head
from auxcpvloss.network.architectures.architecture import HEADS
from auxcpvloss.network.architectures.networks import is_joint, joint_layers, network_of, prefix
from auxcpvloss.network.checkpoint import check_checkpoint
from auxcpvloss.network.keras_files import ARCHITECTURE, WEIGHTS
from auxcpvloss.system.errors import InputError

BY_CHECKPOINT = "Name another file, change init.match and init.skip, or set init.checkpoint = '' for random weights."
"""What to do where nothing of a file fits."""
BY_SCHEME = (
    "The last two layers of a denoiser are never loaded: have init.match and init.skip allow others, give the network "
    "of [model] more layers (downsample_factors, num_repetitions), or set scheme.name to 'baseline' or 'sequential', "
    "which begin with random weights."
)
"""What to do where nothing of a denoiser fits."""

MOST_LISTED = 50
"""Layers that are named to people, at most."""


@dataclass
class Loaded:
    """What was loaded.

    Attributes
    ----------
    layers : list of str
        Layers that were loaded whole; of a layer `HEADS`, if not all of it, the heads: ``heads/<head>``.
    weights : int
        Numbers in them.
    left : dict
        Why each other layer (or head) was not.
    from_shared : list of str
        Of several networks, those that took layers of the one network that the file has for all heads.
    checksum : str
        Sha256, in hex, of weights that come from no file that is known; "" for others.
    """

    layers: list[str] = field(default_factory=list)
    weights: int = 0
    left: dict[str, str] = field(default_factory=dict)
    from_shared: list[str] = field(default_factory=list)
    checksum: str = ""


Stored = Mapping[str, tuple[list[h5py.Dataset], Any]]
"""Contents of a file, by name: the weights of a layer, in order, and the part (index) of each that is used."""


def take_over(network: Any, heads: tuple[Head, ...], path: Path, table: Init, scheme: str = "") -> Loaded:
    """Load the layers that [init] names and that the file has with the same name and shapes.

    Each of several networks takes a layer of its own, or else the one of the name without the network's.

    Parameters
    ----------
    network : keras.Model
    heads : of the network, in the order of its channels
    path : Path
        A ``.keras`` file.
    table : Init
    scheme : str
        Of a denoiser the ``scheme.name`` by which training begins with it, but for its `last_layers`; "" of others.

    Raises
    ------
    InputError
        The file is of another kind; nothing in it fits; or everything does, and [init] wants the rest trained first.
    """
    loaded, named = Loaded(), f"scheme.name = {scheme!r}" if scheme else "init.checkpoint"
    but = last_layers(network) if scheme else ()
    with _open(path, named) as stored:
        for layer in network.layers:
            if layer.name in but:
                loaded.left[layer.name] = named
            elif layer.weights:
                of = network_of(layer.name, heads)
                _load(layer, of, _parts(layer.name, heads, stored), stored, table, loaded)
    if not loaded.layers:
        raise InputError(
            f"{named}: no layer of {path} fits this network. Not loaded: {_reasons(loaded.left)}.",
            BY_SCHEME if scheme else BY_CHECKPOINT,
        )
    if table.freeze_iterations and not loaded.left:
        raise InputError(
            "init.freeze_iterations: every layer is loaded, so no layer is left to train while the loaded ones are "
            "frozen. Set it to 0, or exclude layers with init.skip."
        )
    return loaded


def last_layers(network: Any) -> list[str]:
    """Name the last layers with weights: `HEADS`, the convolution before it, and what normalizes that; of each network.

    Where layers have several inputs the first one is followed: in a residual block the convolutions, not the shortcut.
    """
    layers = {layer["name"]: layer for layer in network.get_config()["layers"]}
    found = []
    for joint in filter(is_joint, layers):
        found.append(name := joint)
        while name == joint or not hasattr(network.get_layer(name), "kernel"):
            name = _input(layers[name])[0]
            if network.get_layer(name).weights:
                found.append(name)
    return found


def describe(loaded: Loaded) -> list[str]:
    """Give a line for people on what was loaded, and one on what was not, or on networks that begin alike, if any."""
    count = len(loaded.layers) + len(loaded.left)
    more = [f"and {left} more"] if (left := len(loaded.layers) - MOST_LISTED) > 0 else []
    listed = ", ".join([*loaded.layers[:MOST_LISTED], *more])
    taken = f"loaded {len(loaded.layers)} of {count} layers, {loaded.weights:,} weights: {listed}"
    lines = [taken, f"not loaded: {_reasons(loaded.left)}"] if loaded.left else [taken]
    if loaded.from_shared:
        lines.append(f"layers of the one network of the file were loaded into {', '.join(loaded.from_shared)}")
    return lines


def _reasons(left: Mapping[str, str]) -> str:
    by_reason: dict[str, list[str]] = {}
    for name, reason in left.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_reason.items())


def _parts(layer: str, heads: tuple[Head, ...], stored: Stored) -> dict[str, Any]:
    """Divide a layer into what is loaded by itself: the heads, which may lie elsewhere in the file, or all of it."""
    of_layer = joint_layers(heads).get(layer)
    if not of_layer or not any("/" in name for name in stored):
        return {layer: ...}
    ends = list(accumulate((head.channels for head in of_layer), initial=0))
    return {f"{layer}/{head.name}": (..., slice(*ends[n : n + 2])) for n, head in enumerate(of_layer)}


def _load(layer: Any, network: str, parts: Mapping[str, Any], stored: Stored, table: Init, loaded: Loaded) -> None:
    """Load the parts of a layer of a network that are wanted and fit."""
    weights, taken = layer.get_weights(), []
    for name, here in parts.items():
        names = {each: None for whole in (layer.name, name) for each in (whole, whole.removeprefix(prefix(network)))}
        reason = "" if _named(table.match, *names) else "not in init.match"
        reason = "init.skip" if _named(table.skip, *names) else reason
        source = name if name in stored else name.removeprefix(prefix(network))
        reason = reason or _unlike(stored.get(source), [weight[here] for weight in weights])
        if reason:
            loaded.left[name] = reason
            continue
        if source != name and network not in loaded.from_shared:
            loaded.from_shared.append(network)
        datasets, there = stored[source]
        for weight, dataset in zip(weights, datasets, strict=True):
            weight[here] = dataset[()][there]
            loaded.weights += weight[here].size
        taken.append(name)
    layer.set_weights(weights)
    loaded.layers += [layer.name] if len(taken) == len(parts) else taken


def _named(patterns: list[str], *names: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _unlike(stored: tuple[list[h5py.Dataset], Any] | None, weights: list[Any]) -> str:
    """Say in what the stored weights differ from those that are needed; nothing is read for it."""
    if stored is None:
        return "not in the file"
    there = [np.broadcast_to(0, dataset.shape)[stored[1]].shape for dataset in stored[0]]
    if len(there) != len(weights):
        return f"{len(there)} weights there, {len(weights)} here"
    different = ((a, b.shape) for a, b in zip(there, weights, strict=True) if a != b.shape)
    return next((f"{'x'.join(map(str, a))} there, {'x'.join(map(str, b))} here" for a, b in different), "")


@contextmanager
def _open(path: Path, named: str) -> Iterator[Stored]:
    try:
        check_checkpoint(path)
        # The weights are read from the archive as needed: nothing is unpacked that does not fit the network.
        with zipfile.ZipFile(path) as archive, archive.open(WEIGHTS) as weights, h5py.File(weights, "r") as file:
            layers = _layers(file)
            cut = _heads(json.loads(archive.read(ARCHITECTURE))["config"]["layers"])
            heads = {f"{joint}/{head}": (layers[joint], (..., part)) for (joint, head), part in cut.items()}
            yield {**{name: (datasets, ...) for name, datasets in layers.items()}, **heads}
    except FileNotFoundError:
        raise InputError(f"{named}: {path}: no such file.") from None
    except (InputError, zipfile.BadZipFile, LookupError, TypeError, ValueError, AttributeError, OSError) as error:
        # Advice that follows is about checkpoints of this experiment.
        why = str(error).partition("\n")[0].rstrip(".")
        raise InputError(f"{named}: {path} is not a .keras file with weights: {why}.") from error


def _layers(file: h5py.File) -> dict[str, list[h5py.Dataset]]:
    """Find the weights of each layer; that they are in the file itself was checked."""
    found: dict[str, list[h5py.Dataset]] = {}

    def visit(place: str, group: Any) -> None:
        if isinstance(group, h5py.Group) and place.startswith("layers/") and len(group) and "name" in group.attrs:
            found[str(group.attrs["name"])] = [group[key] for key in sorted(group, key=int)]

    file.visititems(visit)
    return found


def _heads(layers: list[Any]) -> dict[tuple[str, str], slice]:
    """Channels of the layers `HEADS`, by layer and head: the parts that the outputs are.

    Empty if the architecture is another.
    """
    cut: dict[tuple[str, int], tuple[str, slice]] = {}
    for layer in layers:
        if layer["class_name"] == "Split" and is_joint(joint := _input(layer)[0]):
            # All of it for one head.
            ends = found if isinstance(found := layer["config"]["indices_or_sections"], list) else []
            cut |= {(layer["name"], n): (joint, slice(*each)) for n, each in enumerate(pairwise([0, *ends, None]))}
        # As earlier versions did.
        elif layer["class_name"] == "GetItem" and is_joint(joint := _input(layer)[0]):
            part = layer["inbound_nodes"][0]["args"][1][-1]["config"]
            cut[layer["name"], 0] = joint, slice(part["start"], part["stop"])
    outputs = (
        (layer["name"], *cut[_input(layer)])
        for layer in layers
        if layer["class_name"] == "Identity" and _input(layer) in cut
    )
    return {(joint, name.removeprefix(joint.removesuffix(HEADS))): part for name, joint, part in outputs}


def _input(layer: Mapping[str, Any]) -> tuple[str, int]:
    """Name of the layer that a layer takes its first input from, and the number of that output."""
    given = layer["inbound_nodes"][0]["args"][0]
    first = given[0] if isinstance(given, list) else given
    name, _, number = first["config"]["keras_history"]
    return str(name), int(number)
