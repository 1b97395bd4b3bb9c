"""Measure the program against its references, and write docs/performance.md.

    python scripts/bench.py [NAMES] [--quick] [--pairs N] [--json DIR]
    python scripts/bench.py --list
    python scripts/bench.py --page

NAMES are files in scripts/bench/ (all by default). Each benchmark writes DIR/NAME.json when it ends (docs/performance/
by default), so that a run that was stopped continues with the names that are missing. ``--quick`` measures small
inputs, writes nothing unless DIR is given, and exits with status 1 if a value crosses its threshold in
scripts/bench/thresholds.toml. ``--page`` writes docs/performance.md from the files. Let nothing else compute meanwhile.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from bench import page
from bench.machine import describe
from bench.measure import MeasurementError, Options, Row
from bench.suite import LONG, NAMES, as_json

ROOT = Path(__file__).resolve().parents[1]
THRESHOLDS = ROOT / "scripts/bench/thresholds.toml"


def run(name: str, options: Options, folder: Path | None) -> Iterator[Row]:
    """Run one benchmark, printing and yielding its rows; store them in the folder, if any."""
    module = importlib.import_module(f"bench.{name}")
    print(f"{name}: {page.title_of(module)} ({module.DURATION if not options.quick else 'quick'})", flush=True)
    began, rows = perf_counter(), []
    for row in module.measure(options):
        # Goals are those of the full sizes.
        shown = replace(row, at_least=None, at_most=None) if options.quick else row
        print(f"  {shown}", flush=True)
        rows.append(row)
        yield row
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        text = as_json(name, rows, options, describe(), perf_counter() - began)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def regressions(rows: list[Row]) -> Iterator[str]:
    """Say which values cross their thresholds."""
    thresholds = tomllib.loads(THRESHOLDS.read_text(encoding="utf-8"))
    for row in rows:
        limits = thresholds.get(row.name, {})
        low, high = limits.get("at_least", float("-inf")), limits.get("at_most", float("inf"))
        if not low <= row.value <= high:
            yield f"{row.name}: {row.value:.3g}; expected {limits} ({THRESHOLDS.name})"


def main() -> int:
    """Run what is named; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAMES", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="small inputs; compare with the thresholds")
    parser.add_argument("--pairs", type=int, help="of counted measurements (5; quick: 2)")
    parser.add_argument("--json", type=Path, metavar="DIR", help="folder for the results")
    parser.add_argument("--data", default="", metavar="FOLDER", help="volumes for accuracy_embryos")
    parser.add_argument("--config", default="", metavar="FILE", help="our configuration for accuracy_*")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and what they take")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md from docs/performance/")
    args = parser.parse_args()
    if unknown := [name for name in args.names if name not in NAMES]:
        parser.error(f"{', '.join(unknown)}: no such benchmark; there are {', '.join(NAMES)}")
    if args.pairs is not None and args.pairs < 1:
        parser.error(f"--pairs {args.pairs}: at least one is needed")
    if args.json:
        # Before hours are spent on what could not be written.
        try:
            args.json.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            parser.error(f"--json {args.json}: {error.strerror}")
    names = args.names or [name for name in NAMES if not (args.quick and name in LONG)]
    if args.list:
        for name in names:
            module = importlib.import_module(f"bench.{name}")
            print(f"{name:16} {module.DURATION:14} {page.title_of(module)}")
        return 0
    if args.page:
        page.draw(page.RESULTS)
        page.PAGE.write_text(page.text(page.RESULTS), encoding="utf-8")
        return 0
    options = Options(args.quick, args.pairs or (2 if args.quick else 5), args.data, args.config)
    folder = args.json or (None if args.quick else page.RESULTS)
    rows, failed = [], []
    for name in names:
        try:
            rows += run(name, options, folder)
        except MeasurementError as error:
            print(f"  {error}", file=sys.stderr)
            failed.append(f"{name}: not measured, see above")
    failed += regressions(rows) if args.quick else ()
    print("\n".join(failed), file=sys.stderr, end="\n" * bool(failed))
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
