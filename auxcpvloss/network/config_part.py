"""What networks add to the configuration: the keys of the architecture, and the checks of [model]."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.compose import Extension, Key, KeyProblemError, Problem
from auxcpvloss.network import mirror_images
from auxcpvloss.network.architectures import ARCHITECTURES, geometry, geometry_of_prediction
from auxcpvloss.network.architectures.encoders import is_application
from auxcpvloss.network.deep_supervision import problem
from auxcpvloss.network.tiling import smallest_tileable


def part(tables: dict[str, Any]) -> Extension:
    """Add the keys of the architecture that ``model.architecture`` names, and check that [model] makes a network."""
    name = tables["model"]["architecture"]
    if not isinstance(name, str) or name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise KeyProblemError(("model", "architecture"), f"{name!r:.200} is not a known architecture; known: {known}")
    return _extension(name)


@cache
def _extension(name: str) -> Extension:
    architecture = ARCHITECTURES[name]

    def check(config: Config) -> Iterator[Problem]:
        found = list(architecture.check(config.model)) or list(_inputs(config))
        yield from ((("model", key), message) for key, message in found)
        if not found and config.training.deep_supervision and (why := problem(config.model)):
            yield ("training", "deep_supervision"), why
        yield from _encoder_weights(config)
        yield from mirror_images.problems(config)
        most = config.training.max_iterations
        if config.optimizer.warmup >= most:
            yield (
                ("optimizer", "warmup"),
                f"must be below training.max_iterations, {most}: the rate would not come to lr",
            )
        if config.optimizer.accumulate > most:
            yield (
                ("optimizer", "accumulate"),
                f"must not be above training.max_iterations, {most}: no weight would change",
            )

    return Extension({("model",): architecture.keys}, check, partial(_unknown, name))


def _unknown(name: str, key: Key) -> str:
    """Name the architectures that a key is of, if it is not of this one."""
    owners = [other for other, architecture in ARCHITECTURES.items() if key[-1] in architecture.keys]
    if key[:-1] != ("model",) or not owners:
        return ""
    return (
        f"is a key of the architecture {' and '.join(owners)}, and model.architecture is {name!r}; remove the key, or "
        "change model.architecture"
    )


def _encoder_weights(config: Config) -> Iterator[Problem]:
    """Find weights of an encoder where there is none to take them, or other weights besides."""
    key = ("init", "encoder_weights")
    if config.init.encoder_weights and not is_application(config.model):
        yield (
            key,
            "needs model.architecture = 'fpn' with an encoder of keras.applications, such as model.encoder = "
            "'ResNet50'; for the weights of other networks use init.checkpoint",
        )
    elif config.init.encoder_weights and config.init.checkpoint:
        yield key, "cannot be combined with init.checkpoint, which holds an encoder, too; set one of them to ''"


def _inputs(config: Config) -> Iterator[tuple[str, str]]:
    """Find input shapes that the network cannot take, or that leave nothing to predict."""
    model, axes = config.model, geometry(config.model)
    for key in ("train_input_shape", "test_input_shape"):
        if not (shape := getattr(model, key)):
            return
        bad = [a for a, g, s in zip("zyx", axes, shape, strict=True) if g.output_size(s) is None]
        if bad:
            fits = [" or ".join(map(str, g.nearest_inputs(s))) for g, s in zip(axes, shape, strict=True)]
            near = [f"{axis}: {sizes}" for axis, sizes in zip("zyx", fits, strict=True)]
            written = list(shape[3 - model.ndim :])
            yield (
                key,
                f"this network does not accept an input of {written} (along {', '.join(bad)}); the nearest valid "
                f"sizes are {'; '.join(near[3 - model.ndim :])}",
            )
            return
    for axis, g, size in zip("zyx", geometry_of_prediction(config), model.test_input_shape, strict=True):
        if size < (smallest := smallest_tileable(g)):
            yield (
                "test_input_shape",
                f"with an input of {size} along {axis}, padding {model.padding!r} at the border affects the whole "
                f"output; use at least {smallest}",
            )
