"""Convolutions in three dimensions, without Keras: whether those of bfloat16 are right, and how fast both are."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

WRONG_CUDNN = range(90800, 91500)
"""Versions of cuDNN (9.8 to 9.14) with wrong convolutions of bfloat16 in three dimensions."""

TOLERANCE = 0.02
"""Of the difference from float32, as a part of the largest value: bfloat16 has 8 bits, and sums of many terms."""

SHAPES = {
    "140": [(140, 1, 10), (70, 10, 40), (34, 40, 160), (54, 200, 40), (104, 50, 10)],
    "small": [(12, 1, 4), (10, 8, 16)],
}
"""By the size of the network's input: voxels along an axis, and channels in and out, of convolutions of 3 x 3 x 3."""


def measure(library: str, size: str, repeats: int) -> dict[str, Any]:
    """Compare bfloat16 with float32 on each shape, forwards and backwards, and time both."""
    cudnn, convolve = {"jax": _jax, "torch": _torch}[library]()
    rows = [_row(convolve, shape, repeats) for shape in SHAPES[size]]
    wrong = [row["shape"] for row in rows if not row["right"]]
    verdict = f"bfloat16 is wrong for {wrong}" if wrong else "bfloat16 agrees with float32"
    if cudnn in WRONG_CUDNN:
        verdict += f"; cuDNN {cudnn} is known for wrong convolutions of bfloat16: use 9.15 or later"
    return {"cudnn": cudnn, "right": not wrong and cudnn not in WRONG_CUDNN, "verdict": verdict, "shapes": rows}


Convolve = Callable[[np.ndarray, np.ndarray, bool], Callable[[], list[np.ndarray]]]
"""(input, kernel, half precision) -> function that computes the output, and the gradients of its squares' sum / 2."""


def _row(convolve: Convolve, shape: tuple[int, int, int], repeats: int) -> dict[str, Any]:
    size, before, after = shape
    rng = np.random.default_rng(0)
    image = rng.standard_normal((1, size, size, size, before), np.float32)
    kernel = rng.standard_normal((3, 3, 3, before, after), np.float32) / np.sqrt(27 * before)
    functions = {half: convolve(image, kernel, half) for half in (False, True)}
    single, half = (functions[each]() for each in (False, True))
    errors = [float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(single, half, strict=True)]
    seconds = {each: [] for each in functions}
    for _ in range(repeats):
        for each, function in functions.items():
            began = perf_counter()
            function()
            seconds[each].append(perf_counter() - began)
    return {
        "shape": f"{size}^3, {before} -> {after}",
        "errors": dict(zip(("output", "gradient of the input", "gradient of the kernel"), errors, strict=True)),
        "right": max(errors) < TOLERANCE,
        "float32_ms": 1000 * statistics.median(seconds[False]),
        "bfloat16_ms": 1000 * statistics.median(seconds[True]),
    }


def _jax() -> tuple[int, Convolve]:
    import jax
    from jax import lax
    from jax import numpy as jnp

    try:
        from jax._src.lib import cuda_versions

        cudnn = int(cuda_versions.cudnn_get_version()) if cuda_versions else 0
    except ImportError:
        cudnn = 0

    def convolve(image: np.ndarray, kernel: np.ndarray, half: bool) -> Callable[[], list[np.ndarray]]:
        # The same numbers for both: those that bfloat16 can hold.
        inputs = [jnp.asarray(each, jnp.bfloat16) for each in (image, kernel)]
        inputs = inputs if half else [each.astype(jnp.float32) for each in inputs]

        @jax.jit
        def compute(x: Any, k: Any) -> list[Any]:
            def forward(x: Any, k: Any) -> Any:
                return lax.conv_general_dilated(x, k, (1,) * 3, "VALID", dimension_numbers=("NDHWC", "DHWIO", "NDHWC"))

            y, back = jax.vjp(forward, x, k)
            return [y, *back(y)]

        return lambda: [np.asarray(each.astype(jnp.float32)) for each in jax.block_until_ready(compute(*inputs))]

    return cudnn, convolve


def _torch() -> tuple[int, Convolve]:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Otherwise float32 is not.
    torch.backends.cudnn.allow_tf32 = False

    def convolve(image: np.ndarray, kernel: np.ndarray, half: bool) -> Callable[[], list[np.ndarray]]:
        kinds = torch.bfloat16, torch.bfloat16 if half else torch.float32
        x = torch.tensor(np.moveaxis(image, -1, 1), device=device).to(kinds[0]).to(kinds[1]).requires_grad_()
        k = torch.tensor(kernel.transpose(4, 3, 0, 1, 2), device=device).to(kinds[0]).to(kinds[1]).requires_grad_()

        def compute() -> list[np.ndarray]:
            y = torch.nn.functional.conv3d(x, k)
            return [each.detach().float().cpu().numpy() for each in (y, *torch.autograd.grad(y, (x, k), y.detach()))]

        return compute

    return (torch.backends.cudnn.version() or 0) if device == "cuda" else 0, convolve
