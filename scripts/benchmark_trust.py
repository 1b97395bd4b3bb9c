"""What it costs that runs can be trusted: fingerprints, provenance, and files that are flushed to the disk.

The demo, or a shorter one, is run again and again, each time from nothing in a process of its own, with all of that
and without it in turn::

    python scripts/benchmark_trust.py [--iterations N] [--repetitions R]

Prints the median time of both and their ratio. Whole runs differ by more than what is looked for, so the time spent in
it is also measured directly, in the runs that have it, and printed as a share of the time of the run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from statistics import median
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

COSTS: dict[str, Any] = {
    "auxcpvloss.system.files:_flush": None,
    "auxcpvloss.system.files:_flush_names": None,
    "auxcpvloss.experiment.lock:_take": None,
    "auxcpvloss.experiment.lock:_release": None,
    "auxcpvloss.data.sources.source:sha256": "off",
    "auxcpvloss.data.whole:lacking_chunks": "",
    "auxcpvloss.network.checkpoint:check_checkpoint": None,
    "auxcpvloss.network.compiled:is_finite": True,
    "auxcpvloss.stages.predicting:_checksum": "off",
    "auxcpvloss.stages.stored:file_digest": "off",
    "auxcpvloss.experiment.provenance.recorder:Recorder.__enter__": None,
    "auxcpvloss.experiment.provenance.recorder:Recorder.begin": None,
    "auxcpvloss.experiment.provenance.recorder:Recorder.end": None,
    "auxcpvloss.experiment.provenance.recorder:Recorder.__exit__": None,
}
"""What is measured, and what each gives instead where it is off."""

IDLE: dict[str, Any] = {"auxcpvloss.experiment.lock:_beat": None}
"""What mostly waits, in a thread of its own, and is only switched off."""

DEMO = ["-a", "synthetic", "-s", "threeclass_cpv", "-d", "all"]


def main() -> None:
    """Run in turn, and print; or, with --child, run once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, help="of the training (default: the demo's)")
    parser.add_argument("--repetitions", type=int, default=3, help="of each (default: 3)")
    parser.add_argument("--child", choices=["on", "off"], help=argparse.SUPPRESS)
    args, rest = parser.parse_known_args()
    if args.child:
        raise SystemExit(_child(args.child == "on", Path(rest[0]), rest[1:]))
    runs: dict[str, list[dict[str, Any]]] = {"on": [], "off": []}
    for number in range(args.repetitions):
        # Which comes first changes, too: a machine gets warm.
        for how in ("on", "off") if number % 2 == 0 else ("off", "on"):
            runs[how].append(_run(how, args.iterations))
            print(f"{how:>3} {runs[how][-1]['seconds']:8.1f} s", flush=True)
    _report(runs)


def _report(runs: dict[str, list[dict[str, Any]]]) -> None:
    on, off = (median(run["seconds"] for run in runs[how]) for how in ("on", "off"))
    print(f"median of {len(runs['on'])}: on {on:.1f} s, off {off:.1f} s, ratio {on / off:.4f}")
    for name in COSTS:
        seconds = median(run["costs"].get(name, 0.0) for run in runs["on"])
        calls = median(run["calls"].get(name, 0) for run in runs["on"])
        print(f"  {seconds * 1e3:9.1f} ms in {calls:5.0f} calls of {name.partition(':')[2]}")
    total = median(run["total"] for run in runs["on"])
    share = median(run["total"] / run["seconds"] for run in runs["on"])
    print(f"in all of them: median {total * 1e3:.1f} ms, {share:.3%} of the run")


def _run(how: str, iterations: int | None) -> dict[str, Any]:
    """Run once, in a folder of its own that is then removed; gives the times."""
    with tempfile.TemporaryDirectory() as folder:
        times, changes = Path(folder) / "times.json", []
        if iterations is not None:
            file = Path(folder) / "shorter.toml"
            file.write_text(f"[training]\nmax_iterations = {iterations}\ncheckpoints = {max(1, iterations // 4)}\n")
            changes = ["-c", str(file)]
        command = [sys.executable, __file__, "--child", how, str(times), *DEMO, *changes, "-r", f"{folder}/root"]
        began = perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return {"seconds": perf_counter() - began, **json.loads(times.read_text())}


def _child(on: bool, times: Path, arguments: list[str]) -> int:
    """Run the command line with everything measured, or off."""
    from auxcpvloss.cli import main as command_line

    clock = Clock()
    for name in COSTS if on else ():
        original = resolve_name(name)
        _replace(name, original, clock.timed(name, original))
    for name, instead in ({} if on else COSTS | IDLE).items():
        _replace(name, resolve_name(name), _giving(instead))
    status = command_line(arguments)
    times.write_text(json.dumps({"costs": clock.seconds, "calls": clock.calls, "total": clock.total}))
    return status


class Clock:
    """Seconds in functions; `total` counts what one of them does inside of another once."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.total = 0.0
        self._depth = 0

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give the function with its time taken."""

        def measured(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            began = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                took = perf_counter() - began
                self._depth -= 1
                self.seconds[name] += took
                self.calls[name] += 1
                if self._depth == 0:
                    self.total += took

        return measured


def _giving(value: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: value


def _replace(name: str, original: Any, new: Any) -> None:
    """Put a function in the place of another, also where it was imported by its name."""
    place, _, attribute = name.replace(":", ".").rpartition(".")
    setattr(resolve_name(place), attribute, new)
    for module in [module for key, module in sys.modules.items() if key.partition(".")[0] == "auxcpvloss"]:
        for key in [key for key, value in vars(module).items() if value is original]:
            setattr(module, key, new)


if __name__ == "__main__":
    main()
