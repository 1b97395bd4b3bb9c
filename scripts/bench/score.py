"""Scores of a segmentation of a volume of the size of L1.

Both are in memory. Ours computes what the stage evaluate does by default: AP at nine thresholds, PQ, SEG, splits,
merges, detection and the rest of its table; the reference is StarDist's `matching` at the nine thresholds. Both have
scored a small volume before, so that nothing is compiled meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.measure import CACHE, Call, Figures, MeasurementError, Options, Row, in_turn, ratio, stopwatch

DURATION = "5 minutes"


def ours(volume: str, found: str, small: int) -> Figures:
    """Score with all metrics that the stage evaluate computes by default."""
    import numpy as np

    from auxcpvloss.metrics import Comparison
    from auxcpvloss.metrics.table import as_table

    with np.load(volume) as arrays:
        truth = arrays[arrays.files[1]]
    labels = np.load(found)
    as_table(Comparison(labels[:small], truth[:small]))
    with stopwatch() as figures:
        table = as_table(Comparison(labels, truth))
    return {**figures, "av_ap": table["confusion_matrix"]["avAP"]}


def segmented(quick: bool) -> Path:
    """Give a file (.npy) with the instances of a perturbed prediction."""
    import numpy as np

    from auxcpvloss.methods.threeclass import ThreeclassParams
    from bench.volumes import prediction

    file = CACHE / "volumes" / f"found{'_quick' * quick}.npy"
    if not file.is_file():
        found = ThreeclassParams(fg_thresh=0.5, seed_thresh=0.7).decode({"threeclass": prediction(quick)})
        np.save(file, found.astype(np.int32))
    return file


def measure(options: Options) -> Iterator[Row]:
    """Compare times, and see that both mean the same."""
    from baselines.stardist.environment import STARDIST

    from bench.references import stardist
    from bench.volumes import size, worm_file

    found = segmented(options.quick)
    given = {"volume": str(worm_file(*size(options.quick))), "found": str(found), "small": 40}
    sides = in_turn(Call(ours, given), STARDIST.call(stardist.matching, **given), options)
    ours_ap, theirs = (side.figures[0]["av_ap"] for side in sides)
    if abs(ours_ap - theirs) > 1e-6:
        raise MeasurementError(f"avAP differs: {ours_ap} and {theirs}")
    yield ratio("score.stardist", "score with all metrics", sides, at_least=1)
