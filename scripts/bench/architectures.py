"""Steps of training with residual blocks, and with deep supervision, against the plain U-Net of as many maps.

Patches of 32x64x64 voxels in memory, "same" padding, two levels that triple the maps. Processor time is compared: other
programs on the machine disturb it less.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.measure import Call, Figures, Options, Row, ratio, stopwatch, turns
from bench.training import random_training

DURATION = "30 minutes"
MODEL = {
    "method": "threeclass_cpv",
    "train_input_shape": [32, 64, 64],
    "test_input_shape": [64, 128, 128],
    "padding": "same",
    "fmap_inc_factors": [3, 3],
    "fmap_dec_factors": [3, 3],
}
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "unet": ({}, {}),
    "residual_unet": ({"architecture": "residual_unet"}, {}),
    "deep_supervision": ({}, {"deep_supervision": True}),
}
"""Changes of the tables [model] and [training]; the first is what the others are compared with."""
MAPS = (10, 16, 32)


def steps(variant: str, maps: int, count: int) -> Figures:
    """Train `count` steps on a random batch, after one that is not counted."""
    import os

    from auxcpvloss.system.backends import choose_backend

    choose_backend("tensorflow", os.environ)
    model, training = VARIANTS[variant]
    trainer, ready = random_training({**MODEL, **model, "num_fmaps": maps}, training)
    trainer.finish(trainer.step(1, ready))
    with stopwatch() as figures:
        for number in range(2, count + 2):
            trainer.finish(trainer.step(number, ready))
    return {**figures, **{key: figures[key] / count for key in ("seconds", "cpu_seconds")}}


def measure(options: Options) -> Iterator[Row]:
    """Compare the variants, by the number of maps."""
    for maps in MAPS[:1] if options.quick else MAPS:
        given = {"maps": maps, "count": 3 if options.quick else 20}
        plain, *others = turns([Call(steps, {"variant": each, **given}) for each in VARIANTS], options, warm_up=0)
        for variant, side in zip(list(VARIANTS)[1:], others, strict=True):
            what = f"step with {variant}, {maps} maps, against the U-Net, processor time"
            yield ratio(f"architectures.{variant}_{maps}", what, (side, plain), "cpu_seconds")
