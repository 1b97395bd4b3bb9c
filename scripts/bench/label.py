"""Instances from the prediction of a volume of the size of L1.

The 3-label model, prediction (float32) in memory, parameters as the paper selected them most often (interior above 0.7,
background below 0.05). The reference are the original's steps, written from their description in
scripts/bench/references/original.py: softmax and watershed of the whole volume, and a dilation of one instance after
the other, each in a mask of the whole volume. Ours decodes a small block before, so that its kernels are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.measure import Call, Figures, Options, Row, figure, in_turn, ratio, stopwatch

DURATION = "40 minutes"
PARAMS = {"seed_thresh": 0.7, "fg_thresh": 0.95}
SMALL = 48
SEEDS_OF_AP = 5
"""Perturbed predictions of small worms, of which AP is compared."""


def ours(quick: bool, num_dilations: int) -> Figures:
    """Decode with the parameters of the method."""
    from auxcpvloss.methods.threeclass import ThreeclassParams
    from bench.volumes import prediction

    logits = prediction(quick)
    params = ThreeclassParams(**PARAMS, num_dilations=num_dilations)
    params.decode({"threeclass": logits[:, :SMALL, :SMALL, :SMALL]})
    with stopwatch() as figures:
        found = params.decode({"threeclass": logits})
    return {**figures, "instances": int(found.max()), "voxels": found.size}


def original(quick: bool, num_dilations: int) -> Figures:
    """Take the original's steps."""
    from bench.references import original
    from bench.volumes import prediction

    logits = prediction(quick)
    with stopwatch() as figures:
        found = original.label(logits, num_dilations=num_dilations, **PARAMS)
    return {**figures, "instances": int(found.max()), "voxels": found.size}


def scores(seed: int) -> Figures:
    """Score what both find in a small worm; ours also with the original's way to flood."""
    from auxcpvloss.methods.threeclass import ThreeclassParams
    from auxcpvloss.metrics import score
    from bench.references import original
    from bench.volumes import prediction, worm

    (_, truth), logits = worm(True, seed), prediction(True, seed)
    found = {
        "original": original.label(logits, num_dilations=0, **PARAMS),
        "volume": ThreeclassParams(**PARAMS, flood="volume").decode({"threeclass": logits}),
        "ours": ThreeclassParams(**PARAMS).decode({"threeclass": logits}),
    }
    all_scores = {name: score(truth, labels) for name, labels in found.items()}
    return {name: numbers["confusion_matrix.avAP"] for name, numbers in all_scores.items()}


def measure(options: Options) -> Iterator[Row]:
    """Compare times with and without a dilation, memory, and AP."""
    for dilations, words, goal in ((0, "no dilation", None), (1, "one dilation", 100)):
        given = {"quick": options.quick, "num_dilations": dilations}
        sides = in_turn(Call(ours, given), Call(original, given), options, warm_up_reference=False)
        yield ratio(f"label.dilations_{dilations}", f"label, {words}", sides, at_least=goal)
    yield figure(
        "label.bytes",
        "memory above the prediction, one dilation",
        _bytes(sides[0].figures),
        "bytes a voxel",
        at_most=16,
    )
    found = [Call(scores, {"seed": seed}).run() for seed in range(1, 3 if options.quick else SEEDS_OF_AP + 1)]
    for which, words, goal in (
        ("volume", "difference of avAP from the original's, flooded in the same way", 0.001),
        ("ours", "the same, flooded within the foreground (the default)", None),
    ):
        values = [abs(each[which] - each["original"]) for each in found]
        yield figure(f"label.{which}", words, values, at_most=goal)


def _bytes(figures: Any) -> list[float]:
    return [(each["peak_bytes"] - each["bytes_before"]) / each["voxels"] for each in figures]
