"""What two experiments have to have in common to be the same, bit by bit."""

import csv
import tomllib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr

TIMES = ("iterations_per_second", "waited_for_data")


def results(experiment: Path) -> dict[str, Any]:
    """All that is to be the same: numbers of arrays, and text but for times."""
    found: dict[str, Any] = {}
    for path in sorted(experiment.rglob("*")):
        name = str(path.relative_to(experiment))
        if "superseded" in name or "tensorboard" in name or ".zarr/" in name:
            continue
        if path.suffix == ".keras":
            found[name] = path.read_bytes()
        elif path.suffix == ".hdf":
            found[name] = arrays(path)
        elif path.suffix == ".zarr":
            found[name] = arrays_in(zarr.open_group(str(path), mode="r"))
        elif path.name == "profile.csv":
            # In which order the nodes are depends on how long they took.
            with path.open(newline="") as file:
                found[name] = sorted((int(row["iteration"]), row["node"]) for row in csv.DictReader(file))
        elif path.name == "log.csv":
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file))
            found[name] = [{key: value for key, value in row.items() if key not in TIMES} for row in rows]
        elif path.name == "selection.toml":
            found[name] = tomllib.loads(path.read_text())
        elif path.suffix == ".csv" or (path.suffix == ".toml" and "evaluated" in name):
            found[name] = path.read_bytes()
    return found


def arrays(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def arrays_in(group: zarr.Group) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    group.visititems(lambda name, item: found.update({name: item[...]}) if isinstance(item, zarr.Array) else None)
    return found


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    return bool(one == other)


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [name for name in sorted(one.keys() | other.keys()) if not same(one.get(name), other.get(name))]
