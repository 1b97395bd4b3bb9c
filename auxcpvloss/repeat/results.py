"""Compare the weights and the scores of two experiments."""

from __future__ import annotations

import io
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.experiment.fingerprint import difference

CHECKPOINTS = ("train/checkpoints/*.keras",)
SCORES = (
    "train/validation.csv", "val*/scores*.csv", "val*/cross_validation.csv", "val*/selection.toml",
    "*/evaluated/*/*/*.toml", "*/evaluated/*/*/summary.csv",
    "*/evaluated/*/*/scores.csv",
)  # fmt: skip


def compare(original: Path, other: Path) -> tuple[list[str], bool]:
    """Compare checkpoints (weights and state of the optimizer) and scores of two folders of experiments.

    Returns
    -------
    (lines, equal)
        What differs, a line a file, and at the end what is equal; and whether all of it is, bit by bit.
    """
    lines, counts = [], []
    equal = True
    for what, patterns in (("checkpoints", CHECKPOINTS), ("files of scores", SCORES)):
        names = sorted(
            {str(path.relative_to(folder)) for folder in (original, other) for path in _find(folder, patterns)}
        )
        found = {name: _differs(original / name, other / name) for name in names}
        lines += [f"{name}: {text}" for name, text in found.items() if text]
        same = sum(not text for text in found.values())
        equal = equal and same == len(names)
        counts.append(f"{same} of {len(names)} {what}")
    return [*lines, f"{'' if equal else 'not '}bitwise equal: {', '.join(counts)}{'' if equal else ' are'}"], equal


def _find(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        # Not those that are being written.
        yield from (path for path in folder.glob(pattern) if not path.name.startswith("."))


def _differs(one: Path, other: Path) -> str:
    if not (one.is_file() and other.is_file()):
        return f"only in the {'original' if one.is_file() else 'repeat'}"
    if one.suffix == ".keras":
        return _weights_differ(_arrays(one), _arrays(other))
    if one.suffix == ".toml":
        return difference(_table(one), _table(other)) or ""
    return "" if one.read_bytes() == other.read_bytes() else "another text"


def _table(path: Path) -> dict[str, Any]:
    """Scores without the record of what they were made from: that names the bytes of files, which hold their date."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    table.pop("made_from", None)
    return table


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of a checkpoint, by name."""
    found: dict[str, NDArray[Any]] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item[()])

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(keep)
    return found


def _weights_differ(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> str:
    """Say how many arrays differ, and by how much at most; empty where none does."""
    names = sorted({*one, *other})
    differing = [name for name in names if not _same(one.get(name), other.get(name))]
    if not differing:
        return ""
    both = [(one[name], other[name]) for name in differing if name in one and name in other]
    sizes = [_most(a, b) for a, b in both if a.shape == b.shape and a.size]
    most = f", by at most {max(sizes):.3g}" if sizes else ""
    return f"{len(differing)} of {len(names)} arrays differ{most}"


def _same(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    if one is None or other is None:
        return False
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def _most(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64))))
