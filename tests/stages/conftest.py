"""An experiment whose GPU part is done: trained, and predicted with every checkpoint."""

import shutil
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import toml

from auxcpvloss.cli import main
from tests.conftest import TINY, blobs, merge
from tests.network.small import SMALL
from tests.once import made_once

SCRIPT = Path(__file__).parents[2] / "run_auxcpvloss.py"

VOLUMES = {"train": ["a", "b"], "val": ["c", "d"], "test": ["e"]}


@dataclass(frozen=True)
class GpuPart:
    """A root with the experiment ``run``; the sources of its volumes are gone."""

    root: Path
    terminal: str

    def copy(self, to: Path, train: bool = True) -> Path:
        """Copy the root to work on, with the checkpoints or without."""
        ignore = None if train else shutil.ignore_patterns("train")
        shutil.copytree(self.root / "run", to / "root" / "run", ignore=ignore)
        shutil.copytree(self.root / "data", to / "root" / "data")
        return to / "root"


@pytest.fixture(scope="session")
def gpu_part(tmp_path_factory) -> GpuPart:
    folder = made_once(tmp_path_factory, "gpu", _run_gpu_part)
    return GpuPart(folder / "root", (folder / "terminal.txt").read_text())


def _run_gpu_part(folder: Path) -> None:
    for number, (split, name) in enumerate((split, name) for split, names in VOLUMES.items() for name in names):
        labels = blobs((28, 28, 36), 6, seed=number)
        raw = (labels > 0) * 150 + np.random.default_rng(number).integers(0, 60, labels.shape)
        for kind, array in (("images", raw.astype(np.uint8)), ("masks", labels.astype(np.uint16))):
            (folder / "data" / split / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / "data" / split / kind / f"{name}.tif", array, photometric="minisblack")
    # Long enough to find something, with seeds from vectors.
    grid = {"fg_thresh": [0.4, 0.6], "seed_thresh": [0.3], "use_cpv_for_seeds": [False, True], "cpv_thresh": [3.0]}
    change = {
        "data": {"input_format": "tif", "path": str(folder / "data")},
        "model": {"train_input_shape": [60, 60, 60]},
        "training": {"max_iterations": 90, "checkpoints": 45, "num_workers": 0, "snapshots": 0},
        "optimizer": {"lr": 4e-3},
        "validation": {**grid, "num_workers": 1},
        "evaluation": {"metric": "confusion_matrix.th_0_1.AP"},
    }
    (folder / "run.toml").write_text(toml.dumps(merge(TINY, change)))
    # The product of the lists, as the argument asks; entry by entry they would not fit each other.
    stages = ["-d", "prepare", "train", "validate_checkpoints", "predict", "--param_product", "--term_after_predict"]
    with redirect_stdout(StringIO()) as said:
        assert main(["-c", str(folder / "run.toml"), "-r", str(folder / "root"), *stages]) == 0
    shutil.rmtree(folder / "data")
    (folder / "terminal.txt").write_text(said.getvalue())


EVERY_STAGE: dict[str, Any] = merge(
    TINY,
    {
        "data": {"synthetic": {"shape": [20, 20, 24], "nuclei": 3, "train": 1, "val": 2}},
        "model": {**SMALL, "test_input_shape": [24, 24, 24]},
        "training": {"max_iterations": 2, "checkpoints": 1, "snapshots": 0, "num_workers": 0, "profiling": 1},
        "validation": {"fg_thresh": [0.3, 0.5], "seed_thresh": [0.3, 0.4]},
    },
)
"""A configuration whose stages take seconds together; its network finds nothing."""


@pytest.fixture(scope="session")
def every_stage(tmp_path_factory) -> Path:
    """A folder with e.toml and root/, in that the experiment ``e`` that every stage was run for; to be copied."""
    return made_once(tmp_path_factory, "every", _run_every_stage)


def _run_every_stage(folder: Path) -> None:
    (folder / "e.toml").write_text(toml.dumps(EVERY_STAGE))
    stages = ["all", "cross_validate", "visualize"]
    assert main(["-c", str(folder / "e.toml"), "-r", str(folder / "root"), "-d", *stages]) == 0
