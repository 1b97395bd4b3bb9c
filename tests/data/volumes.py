"""Small volumes, and the folders that users keep them in."""

import tomllib
from pathlib import Path

import numpy as np
import tifffile

from auxcpvloss.config.tables import Data, Preprocessing
from auxcpvloss.data.sources.find import find_sources

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data"
DEFAULT = tomllib.loads((ROOT / "config" / "default.toml").read_text())


def configured(**changes) -> Data:
    return Data(**(DEFAULT["data"] | {"voxel_size": (1, 1, 1)} | {key: _text(value) for key, value in changes.items()}))


def preprocessing(**changes) -> Preprocessing:
    return Preprocessing(**(DEFAULT["preprocessing"] | changes))


def blobs(shape=(20, 22, 40), seed=0, dtype="uint8"):
    """Blurred balls, bright and dim, with noise; labels with gaps between the numbers. (raw, labels)."""
    rng = np.random.default_rng(seed)
    positions = np.indices(shape)
    raw, labels = rng.integers(5, 20, shape).astype(float), np.zeros(shape, np.uint32)
    # On a grid of cells 10 voxels wide, so that balls of radius 3 never meet.
    cells = [[np.arange(5, size - 4, 10)] for size in shape]
    for i, cell in enumerate(np.stack(np.meshgrid(*cells), axis=-1).reshape(-1, 3)):
        distance = np.linalg.norm(positions - (cell + rng.integers(-1, 2, 3))[:, None, None, None], axis=0)
        labels[distance <= 3] = 2 * i + 3
        raw += rng.uniform(60, 200) / (1 + np.exp(2 * (distance - 3)))
    return raw.clip(0, 255).astype(dtype), labels


def make_folder(folder: Path, names, masks=True, suffix=".tif", **options) -> dict:
    """Write images/ and masks/; gives {name: (raw, labels)}. Folders of different splits have different volumes."""
    first = {"val": 100, "test": 200}.get(folder.name, 0)
    volumes = {name: blobs(seed=first + i) for i, name in enumerate(names)}
    for name, (raw, labels) in volumes.items():
        write_tiff(folder / "images" / f"{name}{suffix}", raw, **options)
        if masks:
            write_tiff(folder / "masks" / f"{name}{suffix}", labels, compression="zlib")
    return volumes


def write_tiff(path: Path, array, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, array, **options)
    return path


def only(folder, **changes):
    """The one test volume of a folder."""
    (source,) = find_sources(configured(test_data=folder, **changes), ["test"])["test"]
    return source


def _text(value):
    return str(value) if isinstance(value, Path) else value
