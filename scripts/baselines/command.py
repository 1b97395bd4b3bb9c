"""What the commands of all baselines do: train another program on the volumes of an experiment, import its results."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import MeasurementError

from auxcpvloss.cli import main as auxcpvloss
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.looking.compare.reading import open_experiment
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from baselines.environment import Environment

RECORD = "training.json"

Made = dict[str, Any]


@dataclass(frozen=True)
class Baseline:
    """Another program that is trained on the volumes of an experiment.

    Attributes
    ----------
    environment : Environment
    slug : str
        Part of the names of its experiments.
    options : tuple of str
        Options beside `minutes`, `steps` and `seed` that the result depends on.
    train_and_segment : callable
        (experiment, OUT, options) -> how it went: trains on the volumes of the experiment and writes
        OUT/labels/<name>.npy for the test volumes. The result has `steps`, `seconds` and `thresholds`.
    note : callable
        What `train_and_segment` gave, with `packages` -> one line on how the results were made.
    """

    environment: Environment
    slug: str
    options: tuple[str, ...]
    train_and_segment: Callable[[Experiment, Path, argparse.Namespace], Made]
    note: Callable[[Made], str]


def parser_of(description: str | None, slug: str) -> argparse.ArgumentParser:
    """Make a parser of the options that all baselines have."""
    parser = argparse.ArgumentParser(
        prog="run.py", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--like", required=True, metavar="FOLDER", help="experiment whose volumes are taken; prepared")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float, default=0.0, help="train for so many minutes")
    length.add_argument("--steps", type=int, default=0, help="train for so many steps")
    add("--seed", type=int, default=1, help="of weights and patches (1)")
    add("-id", "--exp-id", metavar="NAME", help=f"name of the experiment of the results (NAME_{slug}_seedN)")
    add("--out", metavar="FOLDER", help="folder for network and labels (default: baselines/ beside the experiment)")
    return parser


def run(baseline: Baseline, args: argparse.Namespace) -> int:
    """Train, segment and import; return the exit status."""
    try:
        experiment = open_experiment(Path(args.like))
        name = args.exp_id or f"{experiment.folder.name}_{baseline.slug}_seed{args.seed}"
        out = Path(args.out) if args.out else experiment.folder.parent / "baselines" / name
        made = made_once(baseline, experiment, out.resolve(), args)
    except (InputError, MeasurementError) as error:
        print(error, file=sys.stderr)
        return 2
    program = baseline.environment.program
    given = [str(out / "labels"), "--name", program, "--like", str(experiment.folder), "-id", name]
    return auxcpvloss(["import-results", *given, "--seed", str(args.seed), "--note", baseline.note(made)])


def made_once(baseline: Baseline, experiment: Experiment, out: Path, args: argparse.Namespace) -> Made:
    """Train and segment, unless OUT holds the results of the same options; say how it went.

    Raises
    ------
    InputError
        The volumes do not suit; or OUT holds another run.
    """
    asked = {name: getattr(args, name) for name in ("minutes", "steps", "seed", *baseline.options)}
    if (out / RECORD).is_file():
        made: Made = json.loads((out / RECORD).read_text(encoding="utf-8"))
        if made["asked"] != asked:
            raise InputError(f"{out}: holds a run with {made['asked']}; give another --out.")
        print(f"{out}: done already")
        return made
    made = {"asked": asked, **baseline.train_and_segment(experiment, out, args)}
    made["packages"] = list(baseline.environment.packages)
    write_text(out / RECORD, json.dumps(made, indent=1) + "\n")
    return made


def announce(program: str, out: Path, args: argparse.Namespace) -> None:
    """Say what is trained, where and for how long."""
    length = f"{args.steps} steps" if args.steps else f"{args.minutes:g} minutes"
    print(f"training {program} in {out}: {length}", flush=True)
