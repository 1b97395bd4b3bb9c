"""What people read about a package: README.md, and a picture."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.apply.model import Model
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.system.printable import from_spreadsheet

HEIGHT = 256
"""Pixels of the cover, about; it is twice as wide."""


def readme(model: Model, name: str, description: str) -> str:
    """Write README.md: what the network does, how instances are made of it, and how it scored."""
    experiment, config = model.experiment, model.experiment.config
    heads = ", ".join(f"`{head.name}` ({head.channels})" for head in experiment.method.predicted_heads(model.params))
    size = config.data.target_voxel_size or config.data.voxel_size
    voxels = " x ".join(f"{side:g}" for side in size)
    return f"""# {name}

{description}

A network of auxcpvloss (`{config.model.architecture}`, method `{experiment.method.name}`), checkpoint
{model.checkpoint}, trained on {_volumes(model, "train")}.
Its outputs (channels): {heads}. They are not activated and are no instances yet.

## Instances

The watershed that makes instances of the outputs is not part of this description. With the experiment's folder,

    auxcpvloss segment FILE... --model {experiment.folder.name} -o labels

does all of it. Selected parameters: {model.params.describe()}.

## Input

One channel, axes z, y, x{f", voxels of {voxels} {config.data.voxel_unit}" if voxels else ""}.
Resample images with voxels of other proportions or sizes. Percentiles of the preprocessing are of the whole image.

## Validation

{_scores(model)}
To validate it on your own volumes, annotate some of them and run
`auxcpvloss -id {experiment.folder.name} --test-data FOLDER -d prepare predict label evaluate`, or score instances with
any tool that computes average precision.
"""


def _volumes(model: Model, split: str) -> str:
    names = model.experiment.names(split)
    return f"{len(names)} volume{'s' * (len(names) != 1)} ({', '.join(names)})"


def _scores(model: Model) -> str:
    experiment = model.experiment
    path = experiment.evaluated(TEST, model.checkpoint, model.params) / "summary.csv"
    if not path.is_file():
        return "It was not evaluated on test volumes.\n"
    header, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    table = [header, ["---"] * len(header), *([from_spreadsheet(row[0]), *map(_short, row[1:])] for row in rows)]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in table)
    return f"On test volumes that it was not trained on:\n\n{lines}\n"


def _short(cell: str) -> str:
    return f"{float(cell):.3f}" if "." in cell else cell


def cover(raw: NDArray[np.float32], labels: NDArray[Any]) -> bytes:
    """Draw the middle plane of an image, (Z, Y, X), and its instances beside it: a PNG twice as wide as high."""
    import imagecodecs
    from skimage.color import label2rgb

    z, _, _ = raw.shape
    plane, found = raw[z // 2], labels[z // 2]
    side = min(plane.shape)
    cut = tuple(slice((size - side) // 2, (size + side) // 2) for size in plane.shape)
    gray = np.clip(plane[cut], 0, 1)
    both = [np.repeat(gray[..., np.newaxis], 3, -1), label2rgb(found[cut], gray, alpha=0.4, bg_label=0)]
    times = max(1, HEIGHT // side)
    picture = np.concatenate(both, axis=1).repeat(times, 0).repeat(times, 1)
    return bytes(imagecodecs.png_encode((255 * picture).round().astype(np.uint8)))
