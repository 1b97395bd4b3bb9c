"""Check a machine with a GPU: speed, precision and repeatability of networks on it, with whatever is installed.

    python scripts/gpu_check.py [--backends jax torch] [--json FILE] [--small] [--workers N]

Prints a table, and what is missing; a check that cannot run, or fails, does not stop the others. ``--small`` makes
everything small, for a processor; it says nothing about speed. Takes less than 8 minutes on a GPU: what has not begun
by then is left out. The exit status is 1 if a result is wrong: convolutions of bfloat16, other bits from the same seed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from gpu import convolutions, network, training

SECONDS = 450
"""Time that all checks have together."""
NETWORK = ("keras", "pydantic", "rich", "toml", "h5py")
"""What the program's network needs; convolutions need a backend alone."""
TRAINING = (*NETWORK, "gunpowder", "zarr", "scipy", "skimage", "numba", "tensorboard", "imagecodecs")
BACKENDS = ("jax", "torch", "tensorflow")
PRECISIONS = ("float32", "mixed_bfloat16")

KINDS = {"convolutions": convolutions.measure, "network": network.measure, "training": training.measure}
BAD = {"right": False, "same_bits_again": False}
"""Results that are wrong."""


def checks(backend: str, small: bool, workers: int) -> Iterator[tuple[str, str, tuple[Any, ...], tuple[str, ...]]]:
    """Yield title, kind, arguments and needed modules of each check, the quickest first."""
    size, repeats = ("small", 2) if small else ("140", 20)
    if backend != "tensorflow":
        yield f"{backend}, convolutions", "convolutions", (backend, size, repeats), (backend,)
    for precision in PRECISIONS:
        yield f"{backend}, network, {precision}", "network", (backend, size, precision, repeats), (backend, *NETWORK)
    for precision in PRECISIONS[-1:]:
        arguments = (backend, size, precision, 6 if small else 200, workers)
        yield f"{backend}, training, {precision}", "training", arguments, (backend, *TRAINING)


def run(kind: str, arguments: tuple[Any, ...], seconds: float) -> dict[str, Any]:
    """Run a check in a process of its own, since Keras has one backend in a process."""
    command = [sys.executable, __file__, "--run", json.dumps([kind, *arguments])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"left out": f"not done within {seconds:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return {"failed": lines[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def surroundings() -> dict[str, Any]:
    """Give the GPU, the driver, and the versions of what is installed."""
    versions: dict[str, str] = {}
    for name in ("jax", "jaxlib", "torch", "tensorflow", *TRAINING):
        try:
            versions[name] = version({"skimage": "scikit-image"}.get(name, name))
        except PackageNotFoundError:
            versions[name] = "missing"
    try:
        query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
        gpu = subprocess.run(query, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        gpu = f"none: {error}"
    return {"gpu": gpu, "python": sys.version.split()[0], "versions": versions}


def table(results: dict[str, dict[str, Any]]) -> str:
    """Give the results as lines of text."""
    lines = []
    for title, found in results.items():
        shown = {key: value for key, value in found.items() if key not in ("shapes", "gpus")}
        shown |= {row["shape"]: _times(row) for row in found.get("shapes", ())}
        lines += [title, *(f"    {key.replace('_', ' '):<32}{_number(value)}" for key, value in shown.items())]
    return "\n".join(lines)


def _times(row: dict[str, Any]) -> str:
    single, half, error = row["float32_ms"], row["bfloat16_ms"], max(row["errors"].values())
    return f"float32 {single:.3g} ms, bfloat16 {half:.3g} ms, largest error {error:.2g}"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main() -> int:
    """Run what can be run; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    parser.add_argument("--small", action="store_true", help="small shapes, for a processor")
    parser.add_argument("--workers", type=int, default=14, help="processes that make batches (default: 14)")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
        kind, *arguments = json.loads(args.run)
        print(json.dumps(KINDS[kind](*arguments)))
        return 0
    if args.json and not args.json.parent.is_dir():
        parser.error(f"--json {args.json}: there is no folder {args.json.parent}")
    if args.workers < 0:
        parser.error(f"--workers {args.workers}: a number of processes, or 0 for none")
    began, about = perf_counter(), surroundings()
    print(json.dumps(about, indent=1), flush=True)
    results: dict[str, dict[str, Any]] = {}
    todo = [each for backend in args.backends for each in checks(backend, args.small, args.workers)]
    # What needs nothing else first, then networks, then trainings.
    for title, kind, arguments, needed in sorted(todo, key=lambda each: list(KINDS).index(each[1])):
        left = SECONDS - (perf_counter() - began)
        missing = [name for name in needed if find_spec(name) is None]
        if missing:
            results[title] = {"left out": f"missing: {', '.join(missing)}"}
        else:
            results[title] = run(kind, arguments, left) if left > 0 else {"left out": "no time left"}
        print(table({title: results[title]}), flush=True)
    if args.json:
        args.json.write_text(json.dumps({**about, "results": results}, indent=1) + "\n", encoding="utf-8")
    return int(any(found.get(key, ...) is value for found in results.values() for key, value in BAD.items()))


if __name__ == "__main__":
    sys.exit(main())
