"""Train and score every setup of an application, and write a table of the results.

Runs ``run_auxcpvloss.py -a APP -s SETUP -d all`` for one setup after the other. Complete results are not made again;
the minutes are those of all stages according to run.log::

    python scripts/compare_setups.py --root experiments [--app synthetic] [--seeds 42] [--out docs/synthetic]

Writes ``<out>.csv``, one line per run, and ``<out>.md``, means over seeds and volumes.
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.config import ConfigFile, known
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection_file import read_selection

REPOSITORY = Path(__file__).parents[1]
COLUMNS = ("setup", "seed", "checkpoint", "parameters", "AP_0.5", "avAP", "detection_AP", "nuclei", "minutes")

HEADER = """\
# The setups of {app}

Each setup was trained from random weights, validated, and scored on the held-out volumes by
`python run_auxcpvloss.py -a {app} -s SETUP -d all` (`scripts/compare_setups.py`; seeds: {seeds}). AP is the mean over
the test volumes; detection AP counts centers inside nuclei. For several seeds, mean and range are given. Trainings as
small as these do not rank the methods.

"""


def main() -> None:
    """Run all, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--app", default="synthetic")
    parser.add_argument("--root", type=Path, default=Path("experiments"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[42])
    parser.add_argument("--setups", nargs="+", help="default: all of the application")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "synthetic")
    args = parser.parse_args()
    setups = args.setups or known()[args.app]
    rows = [_run(args.root, args.app, setup, seed) for seed in args.seeds for setup in setups]
    with args.out.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    table = HEADER.format(app=args.app, seeds=", ".join(map(str, args.seeds))) + _table(setups, rows)
    args.out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)


def _run(root: Path, app: str, setup: str, seed: int) -> dict[str, object]:
    command = [sys.executable, str(REPOSITORY / "run_auxcpvloss.py"), "-r", str(root), "-a", app, "-s", setup]
    subprocess.run([*command, "--seed", str(seed), "-d", "all"], check=True)
    folder = root.resolve() / f"{app}_{setup}_seed{seed}"
    experiment = Experiment(folder, load([ConfigFile.read(folder / "config.toml")]))
    selection = read_selection(experiment)
    files = sorted(experiment.evaluated("test", selection.checkpoint, selection.params).glob("*.toml"))
    tables = [tomllib.loads(file.read_text(encoding="utf-8")) for file in files]
    cells = [table["confusion_matrix"] for table in tables]
    segments = experiment.method.task == "segmentation"
    return {
        "setup": setup,
        "seed": seed,
        "checkpoint": selection.checkpoint,
        "parameters": selection.params.slug(),
        "AP_0.5": f"{mean(cell['th_0_5']['AP'] for cell in cells):.3f}" if segments else "",
        "avAP": f"{mean(cell['avAP'] for cell in cells):.3f}" if segments else "",
        "detection_AP": f"{mean(cell['hoefener']['AP'] for cell in cells):.3f}",
        "nuclei": sum(table["general"]["num_gt"] for table in tables),
        "minutes": f"{_minutes(folder / 'run.log'):.1f}",
    }


def _minutes(log: Path) -> float:
    return sum(map(float, re.findall(r" took ([0-9.]+) s$", log.read_text(encoding="utf-8"), re.MULTILINE))) / 60


def _table(setups: Sequence[str], rows: Sequence[dict[str, object]]) -> str:
    lines = [
        "| setup | AP at IoU > 0.5 | avAP | detection AP | checkpoint, parameters | minutes |",
        "|---|---|---|---|---|---|",
    ]
    for setup in setups:
        own = [row for row in rows if row["setup"] == setup]
        numbers = [_spread([str(row[column]) for row in own]) for column in ("AP_0.5", "avAP", "detection_AP")]
        chosen = "; ".join(f"{row['checkpoint']}, {row['parameters']}" for row in own)
        minutes = _spread([str(row["minutes"]) for row in own])
        lines.append(f"| {setup} | {' | '.join(numbers)} | {chosen} | {minutes} |")
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[str]) -> str:
    """Format the mean and, in brackets, the range over runs."""
    numbers = [float(value) for value in values if value]
    if not numbers:
        return "-"
    digits = max(len(value.partition(".")[2]) for value in values)
    text = f"{mean(numbers):.{digits}f}"
    return text if len(numbers) == 1 else f"{text} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"


if __name__ == "__main__":
    main()
