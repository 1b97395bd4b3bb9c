"""Label volumes to score."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from auxcpvloss.metrics import Comparison, Counts
from auxcpvloss.metrics.average_precision import PATHS
from auxcpvloss.metrics.table import as_table, value_at

Volume = NDArray[Any]

LABELS = arrays(np.uint8, (2, 3, 5), elements=st.integers(0, 5))


def ids(labels: Volume) -> list[int]:
    return [int(label) for label in np.unique(labels) if label]


def blobs(rng: np.random.Generator, shape: tuple[int, ...] = (12, 40, 40), instances: int = 60) -> Volume:
    """Touching boxes of random places and sizes, later ones over earlier ones."""
    labels = np.zeros(shape, np.int32)
    for label in range(1, instances + 1):
        corner = [rng.integers(0, n) for n in shape]
        labels[tuple(slice(c, c + rng.integers(2, 9)) for c in corner)] = label
    return labels


def table_with(points: Counts, matching: Any = "hoefener", outlines: Mapping[float, Counts] | None = None) -> dict[str, Any]:  # fmt: skip
    """The table of a volume of one nucleus, with other counts: of points, and of outlines, if any, by threshold."""
    nucleus = np.ones((1, 1, 1), int)
    table = as_table(Comparison(nucleus, nucleus, detection=matching, outlines=outlines is not None))
    paths = {f"confusion_matrix.{matching}": points} | {PATHS[t]: counts for t, counts in (outlines or {}).items()}
    numbers = {path: value for at, counts in paths.items() for path, value in counts.at(at).items()}
    if outlines:
        mean = float(np.mean([counts.ap for counts in outlines.values()]))
        numbers |= {"general.avAP": mean, "confusion_matrix.avAP": mean}
    for path, value in numbers.items():
        at, _, name = path.rpartition(".")
        value_at(table, at)[name] = value
    return table
