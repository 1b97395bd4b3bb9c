"""Run a study: variants of a configuration on the same volumes, folds and seeds, and a table of what each changes.

A study is a file scripts/studies/NAME.toml. Runs whose scores are kept in docs/results/NAME.json are not run again::

    python scripts/study.py NAME [--variants A B] [--folds 1 2] [--seeds 42 43]
    python scripts/study.py NAME --table [--metric AP_0.5]
    python scripts/study.py --page

``--page`` writes docs/results.md, with tables and figures of all studies. Experiments lie in .benchmarks/studies/NAME;
what an interrupted run has made there is kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

from study.plan import Run, StudyError, names_of_studies, read_study
from study.run import is_kept, keep, perform, records_of
from study.scores import METRICS
from study.table import table_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what lacks, then print the table, or write the page; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?")
    parser.add_argument("--variants", nargs="+", default=[], metavar="NAME", help="default: all")
    parser.add_argument("--folds", nargs="+", type=int, default=[], metavar="K", help="default: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[42], metavar="SEED")
    parser.add_argument("--data", type=Path, help="folder with images and masks, in place of that of the study")
    parser.add_argument("--table", action="store_true", help="only print the table")
    parser.add_argument("--metric", choices=METRICS, default="avAP", help="score that the table compares (avAP)")
    parser.add_argument("--page", action="store_true", help="write docs/results.md from what is kept of all studies")
    args = parser.parse_args(arguments)
    if args.page == bool(args.study):
        parser.error("name a study, or give --page alone")
    try:
        if args.page:
            # Only who draws waits for matplotlib.
            from study.page import DOCS, write_page

            write_page([read_study(name) for name in names_of_studies()], DOCS)
            return 0
        study = read_study(args.study, args.data)
        if unknown := set(args.variants) - set(study.variants):
            raise StudyError(f"{', '.join(unknown)}: no such variant; there are {', '.join(study.variants)}")
        for run in () if args.table else study.runs(args.variants, args.folds, args.seeds):
            _perform(run)
        print(table_of(study, records_of(study), args.metric))
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
