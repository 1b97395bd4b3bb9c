"""What several test files need."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from auxcpvloss.config import Config, ConfigFile, find_config, find_setup
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import AUXILIARY
from tests import TEST_BACKEND

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As shells begin what runs in the background; the tests, and the processes that they begin, are to heed Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that does other things too must not make a property red.
patient = [HealthCheck.too_slow]
settings.register_profile("new", deadline=None, max_examples=50, print_blob=True, suppress_health_check=patient)
settings.register_profile("default", settings.get_profile("new"), derandomize=True)
settings.load_profile("default")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

TINY: dict[str, Any] = {
    "general": {"backend": TEST_BACKEND},
    "data": {
        "input_format": "synthetic",
        "voxel_size": [1, 1, 1],
        "synthetic": {"shape": [40, 40, 60], "nuclei": 12, "train": 2, "val": 1, "test": 1},
    },
    "model": {"train_input_shape": [44, 44, 44], "test_input_shape": [60, 60, 60], "num_fmaps": 4, "fmap_inc_factors": [2, 2], "fmap_dec_factors": [2, 2]},
    "training": {"max_iterations": 4, "checkpoints": 2, "snapshots": 2, "log_every": 1, "num_workers": 0},
    "optimizer": {"lr": 1e-3},
    "validation": {"refine": "never"},
}  # fmt: skip
"""A configuration that runs every stage in seconds."""

SMALL: dict[str, Any] = {
    "padding": "same",
    "train_input_shape": [8, 8, 8],
    "test_input_shape": [40, 40, 40],
    "num_fmaps": 2,
    "num_repetitions": 1,
    "downsample_factors": [[2, 2, 2]],
    "fmap_inc_factors": [2],
    "fmap_dec_factors": [2],
}
"""A table [model] whose network trains in milliseconds."""


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Nested tables, the second over the first."""
    merged = dict(base)
    for key, value in change.items():
        merged[key] = merge(merged[key], value) if isinstance(value, Mapping) and key in merged else value
    return merged


def configure(**change: Any) -> Config:
    """The tiny configuration, changed."""
    return load([ConfigFile("test", merge(TINY, change))])


def shipped(app: str, setup: str | None = None) -> list[ConfigFile]:
    """The configuration files of an application, and of one of its setups."""
    return [ConfigFile.read(find_config(app)), *(find_setup(app, setup, AUXILIARY) if setup else [])]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real volumes."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real volumes are not there: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """An experiment on tiny volumes that are prepared; not to be written to."""
    from tests.stages.running import perform

    experiment = Experiment(tmp_path_factory.mktemp("root") / "tiny", configure())
    perform(experiment, "prepare")
    return experiment


@pytest.fixture
def balls() -> Callable[..., np.ndarray]:
    """Labels of balls: touching ones side by side."""

    def make(radius: int = 5, number: int = 3) -> np.ndarray:
        size = 2 * radius + 1
        z, y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
        ball = z**2 + y**2 + x**2 <= radius**2
        labels = np.zeros((size + 4, size + 4, number * size + 4), dtype=np.uint32)
        for count in range(number):
            labels[2:-2, 2:-2, 2 + count * size : 2 + (count + 1) * size][ball] = count + 1
        return labels

    return make


def make_sample(
    folder: Path, raw: np.ndarray, labels: np.ndarray, voxel_size: tuple[float, ...] = (1, 1, 1), ignore_label: int = 0
) -> Any:
    """A prepared sample of these arrays; raw is in 0..1 already."""
    import tifffile

    from auxcpvloss.data.sources.find import find_sources
    from auxcpvloss.data.store import write_sample

    for name, array in (("images", raw.astype(np.float32)), ("masks", labels.astype(np.uint32))):
        (folder / name).mkdir(parents=True)
        tifffile.imwrite(folder / name / "volume.tif", array, photometric="minisblack")
    config = configure(
        data={
            "input_format": "tif",
            "train_data": str(folder),
            "voxel_size": list(voxel_size),
            "ignore_label": ignore_label,
        },
        preprocessing={"normalize": "none"},
    )
    (source,) = find_sources(config.data, ["train"])["train"]
    return write_sample(source, folder / "volume.zarr", config.data, config.preprocessing)


def blobs(shape: tuple[int, int, int], number: int, seed: int, radius: float = 4.0) -> np.ndarray:
    """Labels of balls of about a radius at random places, the later in front, also cut by the volume's end."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, dtype=np.uint32)
    grid = np.indices(shape)
    for label in range(1, number + 1):
        center = rng.uniform(0, shape).reshape(3, 1, 1, 1)
        labels[((grid - center) ** 2).sum(axis=0) <= (radius * rng.uniform(0.6, 1.2)) ** 2] = label
    return labels
