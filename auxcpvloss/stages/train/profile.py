"""What making batches costs, node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from auxcpvloss.stages.train.table import Table
from auxcpvloss.system.terminal import Terminal

if TYPE_CHECKING:
    from auxcpvloss.network.trainer import Ready


def profiled(stream: Iterable[Ready], first: int, every: int, path: Path, terminal: Terminal) -> Generator[Ready]:
    """Pass batches on; show and write what they cost. Closed, it closes the table.

    Parameters
    ----------
    stream : iterable of Ready
    first : int
        Iterations that were done before.
    every : int
        Iterations of which the means are shown.
    path : Path
        Table that is written.
    terminal : Terminal
    """
    with Table(path, first) as table:
        seconds: Counter[str] = Counter()
        batches = 0
        for iteration, ready in enumerate(stream, start=first + 1):
            seconds.update(ready.batch.costs)
            batches += 1
            if iteration % every == 0:
                means = {node: total / batches for node, total in seconds.most_common()}
                rows = ({"node": node, "seconds_per_batch": f"{mean:.6f}"} for node, mean in means.items())
                table.write(*({"iteration": iteration, **row} for row in rows))
                _show(means, f"the mean of {batches} until iteration {iteration}", terminal)
                seconds.clear()
                batches = 0
            yield ready
            del ready


def _show(means: dict[str, float], which: str, terminal: Terminal) -> None:
    total = sum(means.values())
    rows = [(node, 1000 * mean, 100 * mean / total) for node, mean in means.items()]
    terminal.say(f"a batch took {1000 * total:.1f} ms of a process, {which}")
    terminal.table("", ["node of the pipeline", "ms", "%"], rows)
