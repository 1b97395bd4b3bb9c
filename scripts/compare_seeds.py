"""Compare seeds and assignments of voxels on the predictions of trained experiments with the auxiliary task cpv.

Each way to decode has its parameters chosen on the validation volumes, by the mean avAP, and is scored on the test
volumes, with the selected checkpoint::

    python scripts/compare_seeds.py experiments/A experiments/B [--checkpoint N] [--out docs/vectors]

Predicts all volumes in memory; the experiments are only read. Writes ``<out>.csv``, a line for each experiment and way.
"""

from __future__ import annotations

import argparse
import csv
import sys
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.apply.loading import load
from auxcpvloss.data.missing_chunks import read
from auxcpvloss.methods import Params, decode_sets
from auxcpvloss.metrics import score
from auxcpvloss.network.architectures import tiling_of
from auxcpvloss.pipeline.scan import scan_volume

METRIC, SCORES = "confusion_matrix.avAP", ("confusion_matrix.avAP", "confusion_matrix.th_0_5.AP")
THRESHOLDS = {
    "threeclass": {"fg_thresh": [0.5, 0.7, 0.8, 0.9, 0.95, 0.98], "seed_thresh": [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]},
    "affinities": {"fg_thresh": [0.5, 0.7, 0.9, 0.95, 0.99], "seed_thresh": [0.5, 0.7, 0.9, 0.95, 0.99]},
    "sdt": {"fg_thresh": [-0.1, -0.05, 0.0, 0.05, 0.1], "seed_thresh": [-0.3, -0.2, -0.15, -0.1, -0.05]},
}
RELEASED: dict[str, list[Any]] = {"use_cpv_for_seeds": [True], "cpv_thresh": [10.0, 20.0, 30.0, 40.0, 60.0, 80.0]}
VOTES = {"vote_width": [0.2, 0.3], "vote_fraction": [0.1, 0.15, 0.25]}
WAYS: dict[str, dict[str, list[Any]]] = {
    "interior, watershed": {},
    "interior, both": {"assign": ["both"]},
    "use_cpv_for_seeds": RELEASED,
    "votes, watershed": {"seeds": ["votes"], **VOTES},
    "votes, vectors": {"seeds": ["votes"], "assign": ["vectors"], **VOTES},
    "votes, both": {"seeds": ["votes"], "assign": ["both"], **VOTES},
    "both, both": {"seeds": ["both"], "assign": ["both"], "vote_width": [0.2], "vote_fraction": [0.15]},
}


class Predicted(NamedTuple):
    """A volume: what the network says of it, by head, and its labels."""

    heads: dict[str, NDArray[Any]]
    labels: NDArray[np.uint32]


def main() -> None:
    """Compare, write the table, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="+", type=Path)
    parser.add_argument("--checkpoint", type=int)
    parser.add_argument("--out", type=Path, default=Path("docs/vectors"))
    args = parser.parse_args()
    rows = [row for folder in args.experiments for row in compare(folder, args.checkpoint)]
    with args.out.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def compare(folder: Path, checkpoint: int | None) -> list[dict[str, Any]]:
    """Give a line for each way to decode."""
    model = load(folder, checkpoint or "best")
    method = model.experiment.method
    # All heads are predicted for parameters that use the vectors.
    validation, test = (predict(model, split) for split in ("val", "test"))
    rows = []
    for way, lists in WAYS.items():
        sets = parameter_sets(method.params, {**THRESHOLDS[method.base], **lists})
        chosen = mean_scores(validation, sets)
        best = max(sets, key=lambda params: chosen[params][METRIC])
        found = mean_scores(test, [best])[best]
        row = {"experiment": folder.name, "checkpoint": model.checkpoint, "seeds, assign": way, "sets": len(sets)}
        row |= {"validation avAP": f"{chosen[best][METRIC]:.3f}"}
        row |= dict(zip(("test avAP", "test AP 0.5"), (f"{found[path]:.3f}" for path in SCORES), strict=True))
        rows.append({**row, "parameters": best.describe()})
        print(*rows[-1].values(), sep=" | ", flush=True)
    return rows


def parameter_sets(kind: type[Params], lists: dict[str, list[Any]]) -> list[Params]:
    """Give every combination of the values, each once."""
    sets = (kind(**dict(zip(lists, values, strict=True))) for values in product(*lists.values()))
    return list({params.slug(): params for params in sets}.values())


def mean_scores(volumes: list[Predicted], sets: list[Params]) -> dict[Params, dict[str, float]]:
    """Give the mean of each score over the volumes."""
    numbers: dict[Params, list[dict[str, float]]] = {params: [] for params in sets}
    for volume in volumes:
        for params, labels in decode_sets(volume.heads, sets):
            numbers[params].append(score(volume.labels, labels))
    means = {}
    for params, found in numbers.items():
        means[params] = {path: float(np.mean([each[path] for each in found])) for path in SCORES}
    return means


def predict(model: Any, split: str) -> list[Predicted]:
    """Predict the labelled volumes of a split with all heads."""
    from auxcpvloss.network.compiled import prediction_network

    config, method, predicted = model.experiment.config, model.experiment.method, []
    path, names = model.experiment.checkpoints.need(model.checkpoint), tuple(head.name for head in method.heads)
    for sample in model.experiment.samples(split):
        if sample.has_labels:
            tiling = tiling_of(config, sample.shape)
            network = prediction_network(config, method, tiling.input_shape, path, names, config.training.precision)
            arrays = {h.name: np.zeros((h.channels, *sample.shape), config.prediction.dtype) for h in method.heads}
            scan_volume(sample.raw, network, tiling, arrays, lambda done, total: None)
            predicted.append(Predicted(arrays, read(sample.labels)))
    return predicted


if __name__ == "__main__":
    main()
