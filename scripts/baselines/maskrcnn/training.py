"""Mask R-CNN trained for some seconds or steps, and applied; these functions run in its own environment.

Images come as .npz files with a gray `image` (Y, X), 0 to 1, and its `labels`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench.measure import Figures

from baselines.maskrcnn import model as networks
from baselines.maskrcnn.instances import Tile
from baselines.maskrcnn.patches import draw_patch, targets_of

WEIGHTS = "weights.pt"
LARGEST_GRADIENT = 5.0
WARM_UP = 0.1
"""Part of the training in which the learning rate rises."""


def train(
    images: Sequence[str],
    folder: str,
    began: float,
    seconds: float,
    steps: int,
    seed: int,
    backbone: str,
    width: int,
    side: int,
    batch: int,
    rate: float,
    weights: str = "",
) -> Figures:
    """Train for so many seconds since `began` (`time.time`), or if these are 0 for so many steps; keep the weights.

    AdamW, whose learning rate rises, and falls to 0 along a cosine at the end.
    """
    import torch

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    data = [_read(file) for file in images]
    model = networks.new_model(backbone, width, side, is_pretrained=bool(weights)).train()
    if weights:
        networks.load_pretrained(model, weights)
    learned = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=1e-4)
    losses = []
    for done in _progress(began, seconds, steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * factor(done)
        patches = [draw_patch(data, side, rng) for _ in range(batch)]
        found = model([networks.as_input(image) for image, _ in patches], [_target(labels) for _, labels in patches])
        loss = sum(found.values())
        if not torch.isfinite(loss):
            raise ValueError(f"the loss became {loss.item()} in step {len(losses) + 1}; give a smaller --rate")
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, LARGEST_GRADIENT)
        optimizer.step()
        losses.append(loss.item())
    took = time.time() - began
    Path(folder).mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), Path(folder) / WEIGHTS)
    last = losses[-max(1, len(losses) // 10) :]
    return {"steps": len(losses), "seconds": took, "loss": sum(last) / len(last), "threads": torch.get_num_threads()}


def factor(done: float) -> float:
    """Give the factor of the learning rate where a part of the training, 0 to 1, is done."""
    if done < WARM_UP:
        return (done + 0.01) / (WARM_UP + 0.01)
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


def _progress(began: float, seconds: float, steps: int) -> Iterator[float]:
    """Yield before each step how much of the training is done; one step at least."""
    step = 0
    while not step or (step < steps if steps else time.time() - began < seconds):
        yield step / steps if steps else min(1.0, (time.time() - began) / seconds)
        step += 1


def _read(file: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(file) as arrays:
        return arrays["image"], arrays["labels"]


def _target(labels: np.ndarray) -> dict[str, Any]:
    import torch

    boxes, masks = targets_of(labels)
    ones = torch.ones(len(boxes), dtype=torch.int64)
    return {"boxes": torch.from_numpy(boxes), "labels": ones, "masks": torch.from_numpy(masks.astype(np.uint8))}


def detect(
    images: Sequence[str],
    tiles: Sequence[Sequence[Sequence[int]]],
    out: str,
    folder: str,
    backbone: str,
    width: int,
    side: int,
) -> Figures:
    """Find nuclei in tiles (top, left, bottom, right) of each image, and write them: OUT/<name>.npz.

    The arrays are `scores` (N,); `boxes` (N, 4): left, top, right, bottom, in pixels of the image; `masks` (N, M, M):
    probabilities in the box, on a grid of their own; `tiles` (N,): numbers of the tiles.
    """
    import torch

    model = networks.load_trained(Path(folder) / WEIGHTS, backbone, width, side)
    # Masks stay on the grid of the network; whoever draws them knows the size of the image.
    model.eval().transform.postprocess = lambda result, *sizes: result
    Path(out).mkdir(parents=True, exist_ok=True)
    number, began = 0, time.time()
    with torch.inference_mode():
        for file, places in zip(images, tiles, strict=True):
            image, _ = _read(file)
            found = [_found(model, image, Tile(*place), i, side) for i, place in enumerate(places)]
            joined = {name: np.concatenate([each[name] for each in found]) for name in found[0]}
            np.savez_compressed(Path(out) / Path(file).name, **joined)
            number += len(joined["scores"])
    return {"found": number, "seconds": time.time() - began}


def _found(model: Any, image: np.ndarray, tile: Tile, number: int, side: int) -> dict[str, np.ndarray]:
    cut = image[tile.top : tile.bottom, tile.left : tile.right]
    padded = np.pad(cut, [(0, side - size) for size in cut.shape])
    result = {name: value.numpy() for name, value in model([networks.as_input(padded)])[0].items()}
    return {
        "scores": result["scores"],
        "boxes": result["boxes"] + np.array([tile.left, tile.top] * 2, np.float32),
        "masks": result["masks"][:, 0].astype(np.float16),
        "tiles": np.full(len(result["scores"]), number),
    }
