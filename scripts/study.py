"""Run a study: variants of a configuration on the same volumes, folds and seeds, and a table of what each changes.

A study is a file scripts/studies/NAME.toml. Runs whose scores are kept in docs/results/NAME.json are not run again::

    python scripts/study.py NAME [--variants A B] [--folds 1 2] [--seeds 42 43]
    python scripts/study.py NAME --table

Experiments lie in .benchmarks/studies/NAME; what an interrupted run has made there is kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from study.plan import Run, StudyError, read_study
from study.run import is_kept, keep, perform, records_of
from study.table import table_of


def main() -> int:
    """Run what lacks, then print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study")
    parser.add_argument("--variants", nargs="+", default=[], metavar="NAME", help="default: all")
    parser.add_argument("--folds", nargs="+", type=int, default=[], metavar="K", help="default: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[42], metavar="SEED")
    parser.add_argument("--data", type=Path, help="folder with images and masks, in place of that of the study")
    parser.add_argument("--table", action="store_true", help="only print the table")
    args = parser.parse_args()
    try:
        study = read_study(args.study, args.data)
        if unknown := set(args.variants) - set(study.variants):
            raise StudyError(f"{', '.join(unknown)}: no such variant; there are {', '.join(study.variants)}")
        for run in () if args.table else study.runs(args.variants, args.folds, args.seeds):
            _perform(run)
        print(table_of(study, records_of(study)))
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _perform(run: Run) -> None:
    if not is_kept(run, records_of(run.study)):
        print(f"--- {run.name}", flush=True)
        keep(run.study, perform(run))


if __name__ == "__main__":
    sys.exit(main())
