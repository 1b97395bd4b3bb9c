"""Training batches, with deformation and center point vectors.

One process makes batches of the default configuration (threeclass_cpv) one after the other: 140^3 voxels for an output
of 100^3, of a generated volume of 140 x 140 x 400 voxels with 550 nuclei, and 92^3 for 52^3, of the three default
worms. The volumes have been read before, so that the cache of decoded chunks holds them; the third row is without that
cache. The reference, scripts/bench/references/batches.py, makes the same arrays with numpy and scipy from the place of
every voxel. Times are processor time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from statistics import median
from time import process_time
from typing import Any

from bench.measure import CACHE, Call, Figures, Options, Row, Side, figure, in_turn, ratio, stopwatch, turns

DURATION = "5 minutes"
COUNT, QUICK_COUNT = 12, 4
WORMS: dict[int, dict[str, Any]] = {
    92: {},
    140: {"train": 1, "val": 1, "test": 1, "shape": [140, 140, 400], "nuclei": 550},
}
GOALS = {92: 0.05, 140: 0.12}
"""Seconds a batch."""
CPV_GOAL = 0.05


def prepared(side: int) -> tuple[Any, Sequence[Any]]:
    """Give the configuration for an input of this size, and its training volumes, which are generated once."""
    # Processes that make batches do without it, too.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    from auxcpvloss.config import ConfigFile
    from auxcpvloss.experiment.configuration import load
    from auxcpvloss.experiment.folder import Experiment
    from auxcpvloss.stages.order import run_stages
    from auxcpvloss.stages.run import Run

    data = {"input_format": "synthetic", "voxel_size": [1, 1, 1], "synthetic": WORMS[side]}
    tables = {"data": data, "model": {"train_input_shape": [side] * 3}}
    experiment = Experiment(CACHE / f"batches_{side}" / "experiment", load([ConfigFile("benchmark", tables)]))
    run_stages(Run(experiment, stages=("prepare",)))
    return experiment.config, experiment.samples("train")


def ours(side: int, count: int, cached: bool = True) -> Figures:
    """Make batches as a training does, and add up what the center point vectors take."""
    config, samples = prepared(side)
    from dataclasses import replace

    from auxcpvloss.methods import method_of
    from auxcpvloss.pipeline import source
    from auxcpvloss.pipeline.batch_maker import BatchMaker

    vectors: list[float] = []
    method = method_of(config)
    cpv = next(head for head in method.heads if head.name == "cpv")

    def timed(*labels: Any) -> Any:
        began = process_time()
        target = cpv.target(*labels)
        vectors.append(process_time() - began)
        return target

    heads = tuple(replace(head, target=timed) if head is cpv else head for head in method.heads)
    if not cached:
        source.DecodedChunks.__init__.__defaults__ = (0,)
    maker = BatchMaker(samples, replace(method, heads=heads), config)
    for number in range(count):
        maker.make(number)
    figures, batches = _timed(maker, count)
    share = median(part / whole for part, whole in zip(vectors[count:], batches, strict=True))
    return {**figures, "batch_seconds": median(batches), "cpv_share": share}


def _timed(maker: Any, count: int) -> tuple[Figures, list[float]]:
    """Make batches; give what the stopwatch says, and the processor time of each."""
    batches = []
    with stopwatch() as figures:
        for number in range(count):
            began = process_time()
            maker.make(number)
            batches.append(process_time() - began)
    return figures, batches


def original(side: int, count: int) -> Figures:
    """Make batches of the same shapes from the place of every voxel."""
    config, samples = prepared(side)
    from bench.references import batches as reference

    maker = reference.Maker(samples, config)
    maker.make(0)
    figures, batches = _timed(maker, count)
    return {**figures, "batch_seconds": median(batches)}


def measure(options: Options) -> Iterator[Row]:
    """Compare times of both sizes, and give those of ours and the share of the center point vectors."""
    count = QUICK_COUNT if options.quick else COUNT
    for side in (140, 92):
        given, shape = {"side": side, "count": count}, f"{side}^3 to {side - 40}^3"
        sides = in_turn(Call(ours, given), Call(original, given), options)
        yield ratio(f"batches.{side}", f"batch of {shape}", sides, "batch_seconds", unit="times as fast")
        yield _seconds(f"batches.{side}.seconds", f"the same, ours, {shape}", sides[0], GOALS[side])
        (plain,) = turns([Call(ours, {**given, "cached": False})], options, 0)
        yield _seconds(f"batches.{side}.read", "the same, when chunks are decoded each time", plain, GOALS[side])
        shares = [100 * share for share in sides[0].values("cpv_share")]
        yield figure(f"batches.{side}.cpv", "center point vectors in it", shares, "%", at_most=100 * CPV_GOAL)


def _seconds(name: str, what: str, side: Side, goal: float) -> Row:
    return figure(name, what, side.values("batch_seconds"), "s of one core", at_most=goal)
