"""Run the same experiments with two checkouts, and compare weights and scores bit by bit.

    python scripts/compare_checkouts.py OLD NEW SCRATCH [--quick] [--methods METHOD ...] [-c FILE ...]

Trains, validates and tests each method on the generated worms of the application synthetic (60 iterations, seed 42),
with this Python and, in each checkout, its own configuration files. Experiments go to SCRATCH/old and SCRATCH/new;
a run that was interrupted continues. Prints a line for each checkpoint and each file of scores. Numbers that only NEW
has are counted, but are no difference. Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import toml

STAGES = ("prepare", "mknet", "train", "validate_checkpoints", "predict", "label", "evaluate")
METHODS = ("threeclass_cpv", "sdt", "affinities_cpv", "gauss")
FULL = {"general": {"seed": 42}, "training": {"max_iterations": 60, "checkpoints": 30}}
QUICK = {
    "general": {"seed": 42},
    "data": {"synthetic": {"train": 1, "val": 1, "test": 1, "shape": [40, 40, 60], "nuclei": 12}},
    "model": {"train_input_shape": [16, 16, 16], "test_input_shape": [60, 60, 60], "num_fmaps": 2},
    "training": {"max_iterations": 4, "checkpoints": 2, "snapshots": 0},
}
SCORES = ("val/scores.csv", "test/evaluated/*/*/*.toml")
RECORDS = ("made_from",)
"""Tables of a file of scores that say what it was made from."""

Numbers = dict[str, float]


def run(checkout: Path, root: Path, method: str, files: list[Path]) -> Path:
    """Run all stages; return the folder of the experiment."""
    # What TensorFlow would choose by itself, and a checkout may choose in another way.
    arithmetic = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_NUM_INTRAOP_THREADS": str(len(os.sched_getaffinity(0)))}
    environment = {**arithmetic, **os.environ}
    # The package of this checkout, not one on the path.
    environment.pop("PYTHONPATH", None)
    configuration = [word for file in files for word in ("-c", str(file))]
    chosen = ["-a", "synthetic", "-s", method, *configuration, "-r", str(root), "-id", method]
    command = [sys.executable, str(checkout / "run_auxcpvloss.py"), *chosen]
    print(f"--- {method}: {checkout}", flush=True)
    subprocess.run([*command, "-d", *STAGES], cwd=checkout, env=environment, check=True)
    return root / method


def arrays(checkpoint: Path) -> dict[str, np.ndarray]:
    """Read all arrays of a checkpoint: weights and state of the optimizer."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item[()])

    with zipfile.ZipFile(checkpoint) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(keep)
    return found


def numbers(path: Path) -> Numbers:
    """Read all numbers of a file of scores, by row and column or by dotted key."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            cells = [(f"{n}.{key}", text) for n, row in enumerate(csv.DictReader(file)) for key, text in row.items()]
        return {key: float(text) for key, text in cells if _is_number(text)}
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return dict(_leaves({key: value for key, value in tables.items() if key not in RECORDS}))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _leaves(entry, f"{at}.{key}" if at else key)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _leaves(entry, f"{at}.{number}")
    elif isinstance(value, int | float):
        yield at, float(value)


def compare_checkpoints(old: Path, new: Path) -> tuple[bool, str]:
    """Compare two checkpoints: whether all arrays are equal, and in words."""
    one, other = arrays(old), arrays(new)
    differing = [
        name
        for name in sorted({*one, *other})
        if name not in one
        or name not in other
        or (one[name].dtype, one[name].shape, one[name].tobytes())
        != (other[name].dtype, other[name].shape, other[name].tobytes())
    ]
    if differing:
        return False, f"{len(differing)} of {len({*one, *other})} arrays DIFFER: {', '.join(differing[:3])} ..."
    same_file = old.read_bytes() == new.read_bytes()
    return True, f"{len(one)} arrays equal, the files are {'' if same_file else 'not '}byte-equal"


def compare_scores(old: Path, new: Path) -> tuple[bool, str]:
    """Compare two files of scores: whether the new one has all numbers of the old one, and in words."""
    one, other = numbers(old), numbers(new)
    differing = [
        f"{key} {value!r} -> {other.get(key)!r}"
        for key, value in one.items()
        # All digits, and nan equals nan.
        if repr(value) != repr(other.get(key))
    ]
    more = f", {len(other.keys() - one.keys())} only in the new one" if other.keys() - one.keys() else ""
    if differing:
        return False, f"{len(differing)} of {len(one)} numbers DIFFER: {'; '.join(differing[:3])} ...{more}"
    return bool(one), f"{len(one)} numbers equal{more}"


def compare(old: Path, new: Path) -> Iterator[tuple[str, bool, str]]:
    """Compare two experiments: file, whether it is equal, and in words."""
    for patterns, function in ((("train/checkpoints/*.keras",), compare_checkpoints), (SCORES, compare_scores)):
        found = {str(p.relative_to(root)) for root in (old, new) for pattern in patterns for p in root.glob(pattern)}
        if not found:
            yield ", ".join(patterns), False, "MISSING in both"
        for name in sorted(found):
            missing = [root for root in (old, new) if not (root / name).is_file()]
            is_equal, words = (False, f"MISSING in {missing[0]}") if missing else function(old / name, new / name)
            yield name, is_equal, words


def main() -> int:
    """Run and compare; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="checkout of the reference")
    parser.add_argument("new", type=Path, help="checkout to be compared with it")
    parser.add_argument("scratch", type=Path, help="folder for the experiments")
    parser.add_argument("--methods", nargs="+", default=METHODS, metavar="METHOD", help="setups of synthetic")
    parser.add_argument("--quick", action="store_true", help="small volumes, a tiny network, 4 iterations")
    parser.add_argument("-c", "--config", type=Path, action="append", default=[], help="further changes, a toml file")
    args = parser.parse_args()
    old, new, scratch = (path.resolve() for path in (args.old, args.new, args.scratch))
    scratch.mkdir(parents=True, exist_ok=True)
    change = scratch / "change.toml"
    change.write_text(toml.dumps(QUICK if args.quick else FULL), encoding="utf-8")
    equal, lines = True, []
    for method in args.methods:
        files = [change, *(path.resolve() for path in args.config)]
        folders = [run(checkout, scratch / name, method, files) for name, checkout in (("old", old), ("new", new))]
        for file, is_equal, words in compare(*folders):
            equal &= is_equal
            lines.append(f"{method:<16}{words:<48}  {file}")
    print("\n".join(lines))
    print(f"{'all equal' if equal else 'NOT EQUAL'}: {len(lines)} files of {len(args.methods)} methods")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
