"""Measure the share of center point vectors in the time to make a batch of 92 x 92 x 92 voxels.

Both are timed in the same run, batch by batch, and compared by their medians::

    python scripts/benchmark_batches.py [--batches N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import METHODS
from auxcpvloss.methods.auxiliary import cpv
from auxcpvloss.pipeline.batch_maker import BatchMaker
from auxcpvloss.stages.order import run_stages
from auxcpvloss.stages.run import Run


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=60)
    count = parser.parse_args().batches
    config = load([ConfigFile("benchmark", {"data": {"input_format": "synthetic", "voxel_size": [1, 1, 1]}})])
    seconds: list[float] = []

    def timed(labels):
        began = perf_counter()
        vectors = cpv.target(labels)
        seconds.append(perf_counter() - began)
        return vectors

    with tempfile.TemporaryDirectory() as folder:
        experiment = Experiment(Path(folder) / "benchmark", config)
        run_stages(Run(experiment, stages=("prepare",)))
        method = METHODS["threeclass_cpv"]
        heads = tuple(replace(head, target=timed) if head.name == "cpv" else head for head in method.heads)
        maker = BatchMaker(experiment.samples("train"), replace(method, heads=heads), config)
        batches = []
        for number in range(count):
            began = perf_counter()
            maker.make(number)
            batches.append(perf_counter() - began)
    print(f"batch of {config.model.train_input_shape}: median {median(batches) * 1e3:.1f} ms of {count}")
    print(f"center point vectors in it: median {median(seconds) * 1e3:.2f} ms")
    share = median(s / b for s, b in zip(seconds, batches, strict=True))
    print(f"share: median {share:.1%}")


if __name__ == "__main__":
    main()
