"""Steps of training: bfloat16 against float32, and against this machine's own speed for their convolutions.

Batches in memory, float32 and bfloat16 in turn, networks of the demo (48^3, 10, 30 and 90 maps, "same" padding) and of
the defaults (92^3, 10, 40 and 160 maps, "valid"). The peak is what the convolutions of a step (forward, and the
gradients by weights and by input) take alone, one after the other, with nothing between them, in the same process and
arithmetic. Processor time is compared, too: other programs on the machine disturb it less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from bench.measure import Call, Figures, Options, Row, figure, ratio, stopwatch, turns

DURATION = "10 minutes"
DEMO = {"train_input_shape": [48] * 3, "fmap_inc_factors": [3, 3], "fmap_dec_factors": [3, 3], "padding": "same"}
DEFAULT = {"train_input_shape": [92] * 3, "fmap_inc_factors": [4, 4], "fmap_dec_factors": [4, 4], "padding": "valid"}
NETWORKS = {"demo": DEMO, "default": DEFAULT}
WARM_UP, ROUNDS = 3, 3
"""Uncounted steps, and turns of steps and convolutions in one process."""


def steps(network: str, precision: str, count: int) -> Figures:
    """Train `count` steps on random batches, and compute their convolutions alone as often, in turn."""
    import os

    from auxcpvloss.system.backends import choose_backend

    choose_backend("tensorflow", os.environ)
    model: dict[str, Any] = {"method": "threeclass_cpv", **NETWORKS[network]}
    if network == "demo":
        model["test_input_shape"] = [128] * 3
    trainer, ready = random_training(model, {"precision": precision})

    def train() -> None:
        begun = [trainer.step(number, ready) for number in range(1, count + 1)]
        for each in begun:
            trainer.finish(each)

    alone = _convolutions(trainer.network)
    for _ in range(WARM_UP):
        trainer.finish(trainer.step(1, ready))
        alone()
    whole, bare = [], []
    for _ in range(ROUNDS):
        with stopwatch() as figures:
            train()
        whole.append(figures)
        with stopwatch() as figures:
            for _ in range(count):
                alone()
        bare.append(figures)
    found = {key: median(each[key] for each in whole) / count for key in ("seconds", "cpu_seconds")}
    of_peak = [each["cpu_seconds"] / one["cpu_seconds"] for each, one in zip(bare, whole, strict=True)]
    return {**found, "of_peak": 100 * median(of_peak), "peak_bytes": max(each["peak_bytes"] for each in whole)}


def random_training(model: dict[str, Any], training: dict[str, Any]) -> tuple[Any, Any]:
    """Make a network of the tables [model] and [training], and a random batch on the device."""
    import numpy as np

    from auxcpvloss.config import ConfigFile
    from auxcpvloss.experiment.configuration import load
    from auxcpvloss.methods import method_of
    from auxcpvloss.network.batch import Batch
    from auxcpvloss.network.compiled import check_precision
    from auxcpvloss.network.trainer import Trainer

    config = load([ConfigFile("benchmark", {"model": model, "training": training})])
    check_precision(config.training.precision)
    trainer, rng = Trainer(config, method_of(config)), np.random.default_rng(0)
    shape = trainer.network.output["cpv"].shape[1:4]
    classes = rng.integers(0, 3, (1, 1, *shape), np.uint8)
    targets = {"threeclass": classes, "cpv": rng.normal(0, 3, (1, 3, *shape)).astype(np.float32)}
    raw = rng.random((1, 1, *config.model.train_input_shape), np.float32)
    return trainer, trainer.ready(Batch(raw, targets, np.where(classes, 2, 1).astype(np.uint8)))


def _convolutions(network: Any) -> Callable[[], None]:
    """Give a function that computes all convolutions of a step: forward, by weights, and by input but for the first."""
    layers = [each for each in network.layers if hasattr(each, "kernel")]
    calls = [call for layer in layers for call in _of_layer(layer)]
    # Nothing needs the gradient by the image.
    del calls[2]

    def compute() -> None:
        for call in calls:
            call()

    return compute


def _of_layer(layer: Any) -> list[Callable[[], Any]]:
    """Give the convolution of a layer and its gradients by weights and input, of random numbers."""
    import tensorflow as tf

    given = {"strides": [1] * 5, "padding": layer.padding.upper()}
    image_shape, out_shape = ([1, *each.shape[1:]] for each in (layer.input, layer.output))
    kernel_shape = list(layer.kernel.shape)
    image, kernel, out = (
        tf.cast(tf.random.normal(shape), layer.compute_dtype) for shape in (image_shape, kernel_shape, out_shape)
    )

    def forward() -> Any:
        return tf.raw_ops.Conv3D(input=image, filter=kernel, **given)

    def by_weights() -> Any:
        return tf.raw_ops.Conv3DBackpropFilterV2(input=image, filter_sizes=kernel_shape, out_backprop=out, **given)

    def by_input() -> Any:
        return tf.raw_ops.Conv3DBackpropInputV2(input_sizes=image_shape, filter=kernel, out_backprop=out, **given)

    return [tf.function(each, autograph=False) for each in (forward, by_weights, by_input)]


def measure(options: Options) -> Iterator[Row]:
    """Compare the precisions, and each with the convolutions alone."""
    for network in ["demo"] if options.quick else NETWORKS:
        given = {"network": network, "count": 3 if options.quick else 10}
        calls = [Call(steps, {**given, "precision": precision}) for precision in ("mixed_bfloat16", "float32")]
        half, single = turns(calls, options, warm_up=0)
        what = f"step of the {network} network, bfloat16 against float32"
        yield ratio(f"training.{network}", what, (half, single), at_least=1.7)
        yield ratio(f"training.{network}_cpu", f"{what}, processor time", (half, single), "cpu_seconds")
        for name, side in (("float32", single), ("bfloat16", half)):
            what = f"part of the step in its convolutions alone, {network}, {name}"
            yield figure(f"training.{network}_{name}_peak", what, side.values("of_peak"), "%", at_least=50)
