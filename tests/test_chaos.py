"""Kills at random moments of the whole chain, as real processes: the same command completes it, with the same result.

    pytest -m chaos tests/test_chaos.py -s

Some quarter of an hour on two cores. CHAOS_KILLS and CHAOS_SEED choose how many kills, and which.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import toml

from tests.conftest import SMALL, TINY, merge
from tests.results import differences, results

pytestmark = pytest.mark.chaos

ROOT = Path(__file__).parents[1]
KILLS, SEED = int(os.environ.get("CHAOS_KILLS", "63")), int(os.environ.get("CHAOS_SEED", "1"))
STAGES = ("start", "prepare", "mknet", "train", "validate_checkpoints", "predict", "label", "evaluate", "report")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
STATUS = {signal.SIGKILL: {-9}, signal.SIGTERM: {75, -15}, signal.SIGINT: {130, -2}}
"""What a killed command may end with; the negative ones where Python itself had not started yet."""

TWICE = ("start", "mknet", "train", "validate_checkpoints")
"""Stages that are killed twice a round."""

CONFIG: dict[str, Any] = merge(
    TINY,
    {
        "data": {"synthetic": {"train": 1, "val": 1, "test": 1}},
        "model": {**SMALL, "train_input_shape": [16, 16, 16], "num_fmaps": 6},
        "training": {
            "max_iterations": 60, "checkpoints": 20, "log_every": 7, "snapshots": 16, "num_workers": 1,
            "validation_batches": 1, "early_stop": 9,
        },
        "optimizer": {"lr": 1e-2, "lr_schedule": "plateau", "plateau_patience": 11, "plateau_factor": 0.9},
        "validation": {"fg_thresh": [0.3, 0.4], "seed_thresh": [0.3, 0.34], "param_product": True, "num_workers": 2},
        "evaluation": {"metric": "confusion_matrix.th_0_1.AP"},
    },
)  # fmt: skip

# A pytest that runs in the background of a shell ignores SIGINT, and so would what it starts.
HEEDING = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"


class Chain:
    """The command, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.experiment = folder, folder / "root" / "chain"
        folder.mkdir()
        (folder / "chain.toml").write_text(toml.dumps(CONFIG))
        self.command = [
            sys.executable, "-c", HEEDING, sys.executable, str(ROOT / "run_auxcpvloss.py"),
            "-c", str(folder / "chain.toml"), "-r", str(folder / "root"), "-d", "all",
        ]  # fmt: skip

    def start(self) -> subprocess.Popen[str]:
        """A process group of its own, as a shell or a batch system gives it one."""
        return subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip

    def running(self, since: int) -> str:
        """The stage that the command is in, by what the log says beyond a place in it."""
        log = self.experiment / "run.log"
        if not log.is_file():
            return "start"
        with log.open(errors="replace") as file:
            file.seek(since)
            took = re.findall(r"perform: (\w+) took", file.read())
        done = STAGES.index(took[-1]) if took else 0
        return STAGES[min(done + 1, len(STAGES) - 1)]

    def end_of_log(self) -> int:
        log = self.experiment / "run.log"
        return log.stat().st_size if log.is_file() else 0


def score_of(chain: Chain, split: str) -> float:
    """The score that decides, of the volume of a split, with the parameters that do best on it."""
    tables = [tomllib.loads(path.read_text()) for path in chain.experiment.glob(f"{split}/evaluated/*/*/*.toml")]
    return max(table["confusion_matrix"]["th_0_1"]["AP"] for table in tables)


def lengths(chain: Chain) -> dict[str, float]:
    """Seconds that each stage of an undisturbed chain took: within them it is killed."""
    took = re.findall(r"perform: (\w+) took ([\d.]+) s", (chain.experiment / "run.log").read_text())
    return {"start": 1.0, **{stage: max(float(seconds), 0.1) for stage, seconds in took}}


def kill(chain: Chain, stage: str, number: signal.Signals, delay: float, group: bool) -> tuple[str, int, str, str]:
    """Run until a stage has gone on for a while, and kill; gives where, status, and what was said."""
    since = chain.end_of_log()
    process = chain.start()
    until = time.monotonic() + 600
    while process.poll() is None and stage != "start" and chain.running(since) != stage:
        assert time.monotonic() < until
        # A stage may be over between two looks.
        if STAGES.index(chain.running(since)) > STAGES.index(stage):
            break
        time.sleep(0.005)
    time.sleep(delay)
    where = chain.running(since) if stage != "start" else "start"
    if process.poll() is not None:
        where = "ended before"
    elif group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    output, error = process.communicate(timeout=300)
    return where, process.returncode, output, error


def test_killed_again_and_again_the_chain_ends_as_if_nobody_had_disturbed_it(tmp_path):
    rng = random.Random(SEED)
    quiet = Chain(tmp_path / "quiet")
    began = time.monotonic()
    process = quiet.start()
    _, error = process.communicate(timeout=900)
    assert process.returncode == 0, error
    print(f"\nundisturbed: {time.monotonic() - began:.1f} s", flush=True)
    expected, longest = results(quiet.experiment), lengths(quiet)
    assert (longest.keys(), len([name for name in expected if name.endswith(".keras")])) == (set(STAGES), 3)
    # Equal scores would prove nothing if nothing had been found.
    assert min(score_of(quiet, "val"), score_of(quiet, "test")) > 0
    table: Counter[tuple[str, str]] = Counter()
    statuses: Counter[int] = Counter()
    kills = rounds = 0
    while kills < KILLS:
        rounds += 1
        chain = Chain(tmp_path / f"round_{rounds}")
        # In the order of the stages, each several times, so that all of a round falls upon one experiment.
        plan = sorted((stage for stage in STAGES for _ in range(2 if stage in TWICE else 1)), key=STAGES.index)
        for stage in plan:
            number, group = rng.choice(SIGNALS), rng.random() < 0.5
            where, status, output, error = kill(chain, stage, number, rng.uniform(0, longest[stage]), group)
            if where == "ended before":
                assert status == 0, error
                break
            kills += 1
            table[where, number.name] += 1
            statuses[status] += 1
            print(f"{kills:3d} round {rounds} {number.name:8s} {'group  ' if group else 'process'} in {where}: {status}", flush=True)  # fmt: skip
            assert status in STATUS[number] | {0}, (where, number, output, error)
            assert "Traceback" not in output + error, (where, number, error)
            assert len(error.splitlines()) <= 1, error
        process = chain.start()
        output, error = process.communicate(timeout=900)
        assert process.returncode == 0, output + error
        assert differences(expected, results(chain.experiment)) == []
        left = [path for path in chain.folder.rglob("*") if path.name.startswith((".tmp-", ".old-")) or path.parent.name == "resume"]  # fmt: skip
        assert not left
    print(f"\n{kills} kills in {rounds} rounds; exit statuses {dict(statuses)}")
    print(f"{'':22s}" + "".join(f"{number.name:>9s}" for number in SIGNALS))
    for stage in STAGES:
        print(f"{stage:22s}" + "".join(f"{table[stage, number.name]:9d}" for number in SIGNALS))
    assert kills >= KILLS
    assert all(any(table[stage, number.name] for number in SIGNALS) for stage in STAGES)
