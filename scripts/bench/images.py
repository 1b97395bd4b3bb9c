"""Steps of training on images, whose convolutions are those of images, against the same as volumes of one plane.

A patch of 256x256 pixels in memory, as `configure` makes networks for images: 16 maps, "same" padding, bfloat16.
Volumes of one plane are computed without AMX, which ends the process there.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure import Call, Figures, Options, Row, ratio, stopwatch, turns
from bench.training import random_training

DURATION = "4 minutes"
MODEL = {
    "method": "threeclass_cpv",
    "ndim": 2,
    "downsample_factors": [[2, 2]] * 3,
    "kernel_size": 3,
    "padding": "same",
    "num_fmaps": 16,
    "fmap_inc_factors": [2] * 3,
    "fmap_dec_factors": [2] * 3,
    "train_input_shape": [256, 256],
}


def steps(as_volumes: bool, count: int) -> Figures:
    """Train `count` steps on a random batch, after one that is not counted."""
    import os

    from auxcpvloss.system.backends import choose_backend
    from auxcpvloss.system.processors import avoid_amx

    choose_backend("tensorflow", os.environ)
    if as_volumes:
        avoid_amx(os.environ)
    trainer, ready = random_training(MODEL, {"precision": "mixed_bfloat16"})
    if as_volumes:
        for layer in trainer.network.layers:
            vars(layer).pop("convolution_op", None)
    trainer.finish(trainer.step(1, ready))
    with stopwatch() as figures:
        for number in range(2, count + 2):
            trainer.finish(trainer.step(number, ready))
    return {**figures, **{key: figures[key] / count for key in ("seconds", "cpu_seconds")}}


def measure(options: Options) -> Iterator[Row]:
    """Compare both ways."""
    count = 3 if options.quick else 20
    calls = [Call(steps, {"as_volumes": as_volumes, "count": count}) for as_volumes in (False, True)]
    sides = turns(calls, options, warm_up=0)
    what = "training step on images, against the same as volumes of one plane"
    yield ratio("images.training", what, (sides[0], sides[1]))
    yield ratio("images.training_cpu", f"{what}, processor time", (sides[0], sides[1]), "cpu_seconds")
