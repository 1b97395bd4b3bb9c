"""Center point vectors: predicted ones beside what they should be (figure 2 D of the paper, all components)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from auxcpvloss.config.units import AXES
from auxcpvloss.looking.figures.panels import project_raw
from auxcpvloss.looking.figures.volume import fullest_plane
from auxcpvloss.segmentation.votes import count_votes

DPI = 150


def vectors_figure(
    raw: NDArray[Any], predicted: NDArray[np.float32], target: NDArray[np.float32], title: str = ""
) -> Figure:
    """Show the plane with most voxels of nuclei: target, prediction and error of vectors, and where vectors end.

    Parameters
    ----------
    raw : (Z, Y, X) array
    predicted, target : (3, Z, Y, X) arrays of float
        (dz, dy, dx) in voxels. Only voxels of nuclei are shown: those that have a target.
    title : str

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if not raw.shape == predicted.shape[1:] == target.shape[1:]:
        raise ValueError(f"arrays differ in shape: {raw.shape}, {predicted.shape} and {target.shape}")
    inside = np.any(target != 0, axis=0)
    z = fullest_plane(inside)
    error = np.linalg.norm(predicted.astype(np.float64) - target, axis=0)[z]
    # The same for all six: what is wrong in size shows.
    limit = float(np.abs(target[:, z]).max(initial=0)) or 1.0
    figure = Figure((7, 7.4), dpi=DPI, layout="constrained")
    axes = figure.subplots(3, 3)
    for row, (name, vectors) in enumerate((("target", target), ("predicted", predicted))):
        for ax, axis, component in zip(axes[row], AXES, vectors, strict=True):
            image = _show(ax, component[z], inside[z], f"{name}, {axis}", "RdBu_r", -limit, limit)
    figure.colorbar(image, ax=axes[:2], label="vector to the center (voxels)", shrink=0.7, extend="both")
    axes[2, 0].imshow(project_raw(raw[z : z + 1]))
    axes[2, 0].set_title(f"raw data, z = {z}", fontsize=10)
    mean = f", mean {error[inside[z]].mean():.2f}" if inside[z].any() else ""
    image = _show(axes[2, 1], error, inside[z], f"error{mean}", "magma", 0, limit)
    below: dict[str, Any] = {"orientation": "horizontal", "shrink": 0.9}
    figure.colorbar(image, ax=axes[2, 1], label="length (voxels)", extend="max", **below)
    # Voxels beyond nuclei, which have no vector, vote for themselves.
    votes = (count_votes(np.where(inside, predicted, 0)) - ~inside).max(axis=0)
    image = axes[2, 2].imshow(votes, cmap="magma", interpolation="nearest")
    axes[2, 2].set_title("votes, all planes", fontsize=10)
    figure.colorbar(image, ax=axes[2, 2], label="vectors that end here", **below)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    figure.suptitle(title)
    return figure


def _show(
    ax: Axes, values: NDArray[Any], inside: NDArray[np.bool_], heading: str, colors: str, low: float, high: float
) -> AxesImage:
    shown = np.ma.masked_array(values.astype(np.float64), ~inside)
    ax.set_facecolor("0.75")
    ax.set_title(heading, fontsize=10)
    return ax.imshow(shown, cmap=colors, vmin=low, vmax=high, interpolation="nearest")
