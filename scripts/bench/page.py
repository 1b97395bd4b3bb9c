"""docs/performance.md, written from the results in docs/performance/."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.measure import Row
from bench.suite import NAMES

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, RESULTS = DOCS / "performance.md", DOCS / "performance"

HEAD = """# Performance

Written by `python scripts/bench.py --page` from the files in [performance/](performance); do not edit it. Each value is
the median of pairs of measurements that took turns (ours, reference, ours, reference, ...), each in a process of its
own, after one uncounted turn; the range is that of the pairs. Memory is the largest resident size of the process while
it computes what is timed.

`make bench` measures everything again ({total}), `python scripts/bench.py NAME` one of these, and `make bench-quick`
measures small inputs and fails if a ratio falls below its threshold in
[thresholds.toml](../scripts/bench/thresholds.toml). StarDist is installed in an environment of its own, in the folder
`.benchmarks`, on first use.
"""


def title_of(module: ModuleType) -> str:
    """Give the first line of a benchmark's docstring."""
    return (module.__doc__ or "").strip().splitlines()[0].rstrip(".")


def text(results: Path) -> str:
    """Write the page from all results in a folder; benchmarks without one are named at the end."""
    modules = {name: importlib.import_module(f"bench.{name}") for name in NAMES}
    found = {name: json.loads(file.read_text()) for name in NAMES if (file := results / f"{name}.json").is_file()}
    total = f"{sum(result['minutes'] for result in found.values()) / 60:.1f} hours on two cores"
    parts = [HEAD.format(total=total if found else "some hours")]
    for name, result in found.items():
        parts.append("\n".join(_section(name, modules[name], result)))
    if missing := [name for name in NAMES if name not in found]:
        parts.append(f"Not measured yet: {', '.join(missing)}.\n")
    return "\n".join(parts)


def curves_of(result: dict[str, Any]) -> dict[str, list[list[float]]]:
    """Give the curves in a result by name: points (seconds, value)."""
    return {side["name"]: side["curve"] for row in result["rows"] for side in row.get("sides", ()) if "curve" in side}


def draw(results: Path) -> None:
    """Draw the results that have curves, beside them."""
    import matplotlib.pyplot as plt

    for name in NAMES:
        file = results / f"{name}.json"
        curves = curves_of(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
        if not curves:
            continue
        figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
        for label, points in curves.items():
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label)
        axes.set(xlabel="seconds of training", ylabel="mean avAP, test volumes", xlim=(0, None), ylim=(0, 1))
        axes.legend(frameon=False)
        figure.savefig(file.with_suffix(".png"), dpi=100, metadata={"Software": None})
        plt.close(figure)


def _section(name: str, module: ModuleType, result: dict[str, Any]) -> Iterator[str]:
    yield f"## {title_of(module)}\n"
    explanation = "\n".join((module.__doc__ or "").strip().splitlines()[1:]).strip()
    if explanation:
        yield explanation + "\n"
    yield "| | median | range | goal | ours | reference |"
    yield "|---|---|---|---|---|---|"
    rows = [Row(**row) for row in result["rows"]]
    yield from (_line(row) for row in rows)
    yield ""
    yield from (f"{row.what}: {row.note}\n" for row in rows if row.note)
    if curves_of(result):
        yield f"![{title_of(module)}](performance/{name}.png)\n"
    yield f"`python scripts/bench.py {name}`, {result['minutes']:.0f} minutes; {_machine(result['machine'])}\n"


def _line(row: Row) -> str:
    goals = [(word, goal) for word, goal in (("at least", row.at_least), ("at most", row.at_most)) if goal is not None]
    goal = ", ".join(f"{word} {value:g}" for word, value in goals)
    goal += f": {'reached' if row.is_reached else '**not reached**'}" if goals else ""
    sides = [_side(side) for side in row.sides] or ["", ""]
    value = f"{number(row.value)} {row.unit}".strip()
    return f"| {row.what} | {value} | {number(row.low)} to {number(row.high)} | {goal} | {' | '.join(sides)} |"


def _side(side: dict[str, Any]) -> str:
    if "seconds" not in side:
        key, value = next((key, value) for key, value in side.items() if key != "name")
        return f"{number(value)} {key.replace('_', ' ')}"
    peak = f", {side['peak_bytes'] / 2**30:.2f} GiB" if "peak_bytes" in side else ""
    return f"{number(side['seconds'])} s{peak}"


def number(value: float) -> str:
    """Write a number with three digits, and without an exponent."""
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def _machine(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"commit {machine['commit']}; {machine['processor']}, {machine['cores']} cores "
        f"({machine['instruction_sets']}), {machine['memory_gib']} GiB; oneDNN {machine['onednn']}; {versions}."
    )
