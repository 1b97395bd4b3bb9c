"""Check that a ``.keras`` file, which may be anybody's, only holds weights, before anything is read from it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import check_member
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

h5py = lazily("h5py")

WEIGHTS, ARCHITECTURE = "model.weights.h5", "config.json"
ARCHITECTURE_LIMIT = 1 << 26
"""Maximum size in bytes; the largest U-Net needs a thousandth of it."""


def check_keras_file(path: Path) -> None:
    """Refuse a file whose network would run code of its own, whose weights lie elsewhere or do not fit into memory.

    Only weights are ever read, and nothing is run; but who plants code in a file may have meddled with the weights.

    Raises
    ------
    InputError
        Names the file and what is wrong; also if it cannot be read.
    FileNotFoundError
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    with reading(path), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            check_member(path, info)
            check_declared(f"{path}!{info.filename}", (info.file_size,), "u1")
        if archive.getinfo(ARCHITECTURE).file_size > ARCHITECTURE_LIMIT:
            raise InputError(f"{path}!{ARCHITECTURE}: too large to describe a network")
        _check_layers(path, archive.read(ARCHITECTURE))
        with archive.open(WEIGHTS) as stream, h5py.File(stream, "r") as file:
            _check_group(path, file)


def check_weights_file(path: Path) -> None:
    """Refuse a file of weights, HDF5 or ``.keras``, for the reasons and with the errors of `check_keras_file`."""
    if path.suffix == ".keras":
        check_keras_file(path)
        return
    if not path.is_file():
        raise FileNotFoundError(path)
    with reading(path), h5py.File(path, "r") as file:
        _check_group(path, file)


def _check_layers(path: Path, architecture: bytes) -> None:
    for layer in json.loads(architecture)["config"]["layers"]:
        kind, module = layer["class_name"], str(layer.get("module"))
        if kind == "Lambda" or module.split(".")[0] != "keras" or "__lambda__" in json.dumps(layer):
            raise InputError(
                f"{path}: its layer {layer.get('name')!r} ({module}, {kind}) contains its own code; only networks "
                "made of Keras layers are read. Do not trust this file"
            )


def _check_group(path: Path, group: Any) -> None:
    """Go through all that a group links to, but to no other file."""
    for key in group:
        link, place = group.get(key, getlink=True), f"{path}: {group.name.rstrip('/')}/{key}"
        item = group[key] if isinstance(link, h5py.HardLink) else None
        if item is None or (isinstance(item, h5py.Dataset) and (item.external or item.is_virtual)):
            raise InputError(f"{place} refers to other files or places; do not trust this file")
        if isinstance(item, h5py.Group):
            _check_group(path, item)
        elif item.dtype.kind in "biuf":
            check_declared(place, item.shape or (), item.dtype)
