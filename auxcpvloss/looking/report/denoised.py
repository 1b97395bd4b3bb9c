"""Denoised images beside the noisy ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.denoised_pairs import denoised_pairs
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.looking.report.atlas import as_webp
from auxcpvloss.looking.report.page import Picture, Section
from auxcpvloss.looking.table import Cell, DisplayTable
from auxcpvloss.metrics.psnr import psnr

MOST = 256
"""Pixels along a side of the part that is shown, at most: so that noise can be seen."""
FEW = 20
"""Volumes that are shown, at most."""
GAP = 4
"""Pixels between two images."""
QUALITY = 80
"""Quality of their compression, in percent."""


def denoised_section(experiment: Experiment) -> list[Section]:
    """Show a part of each test volume before and after denoising, if the stage denoise was run."""
    pairs = denoised_pairs(experiment)
    if not pairs:
        return []
    pictures = [_picture(noisy, denoised) for noisy, denoised in pairs[:FEW]]
    same = "The middle of the middle plane, noisy (left) and denoised (right), with the same gray values"
    text = [f"{same}: {_why(experiment)}."]
    if len(pairs) > FEW:
        text.append(f"The first {FEW} of {len(pairs)} volumes are shown.")
    return [Section("denoised", "Denoised images", text, _ratios(pairs), pictures)]


def _ratios(pairs: Sequence[tuple[Sample, Sample]]) -> list[DisplayTable]:
    """Compare whole volumes with the clean ones, where noise was added to these (data.degrade)."""
    rows: list[Sequence[Cell]] = []
    for noisy, denoised in pairs:
        if noisy.clean is not None and np.ptp(clean := noisy.clean[...]):
            rows.append([noisy.name, *(round(psnr(clean, each.raw[...]), 2) for each in (noisy, denoised))])
    what = "Peak signal-to-noise ratio in dB, against the image without the noise of data.degrade"
    return [DisplayTable(what, ["volume", "noisy", "denoised"], rows)] if rows else []


def _why(experiment: Experiment) -> str:
    scheme = experiment.config.scheme
    seen = "what the network sees" if scheme.denoises else "the network sees the noisy ones"
    return f"{seen} (scheme.name = {scheme.name!r})"


def _picture(noisy: Sample, denoised: Sample) -> Picture:
    images = [_middle(sample) for sample in (noisy, denoised)]
    description = f"A part of {noisy.name}: on the left as prepared, on the right denoised."
    return Picture(as_webp(side_by_side(images), QUALITY), noisy.name, description)


def _middle(sample: Sample) -> NDArray[np.float32]:
    z, *plane = sample.shape
    begin = [max(0, (size - MOST) // 2) for size in plane]
    box = tuple(slice(first, first + MOST) for first in begin)
    shown: NDArray[np.float32] = sample.raw[(z // 2, *box)]
    return shown


def side_by_side(images: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Put (Y, X) images side by side, in gray values from the 1st to the 99.8th percentile of the first one."""
    low, high = np.percentile(images[0], (1, 99.8))
    scaled = [np.clip((image - low) / (high - low if high > low else 1), 0, 1) for image in images]
    between = np.ones((len(images[0]), GAP))
    parts = [part for image in scaled for part in (image, between)][:-1]
    return np.round(255 * np.hstack(parts)).astype(np.uint8)
