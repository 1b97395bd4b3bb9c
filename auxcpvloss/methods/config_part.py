"""What methods add to the configuration: coefficients of losses, parameters of post-processing, lists to try."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Annotated, Any

from pydantic import AfterValidator

from auxcpvloss.config import Config
from auxcpvloss.config.compose import Extension, Key, KeyProblemError, Problem
from auxcpvloss.config.messages import shown
from auxcpvloss.config.tables.denoising import DENOISING
from auxcpvloss.config.tables.training import SEPARATE, SHARED
from auxcpvloss.config.tables.types import NotNegativeFloat
from auxcpvloss.methods import AUXILIARY, BASES, METHODS, Method, find_method, split_name
from auxcpvloss.methods.method import SIGMOID, SOFTMAX

MAX_SETS = 100_000
"""Maximum number of parameter sets to try; at one second each, a day."""


def long_form(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write ``model.method = "sdt_cpv"`` as the method ``sdt`` with ``model.auxiliary = ["cpv"]``.

    A method that is named without auxiliary tasks has none, whatever was merged before: ``model.auxiliary = []``.

    Parameters
    ----------
    tables : nested mapping
        From one place, not checked yet. Wrong values stay, for `part` to refuse.
    """
    model = tables.get("model")
    if not isinstance(model, Mapping) or "method" not in model:
        return tables
    name, tasks = model["method"], model.get("auxiliary", [])
    if isinstance(name, str) and isinstance(tasks, list):
        name, own = split_name(name)
        tasks = [*own, *tasks]
    return {**tables, "model": {**model, "method": name, "auxiliary": tasks}}


def part(tables: dict[str, Any]) -> Extension:
    """Add the keys of the method that ``model.method`` and ``model.auxiliary`` name.

    These are ``model.loss_<head>_coeff`` for its heads, ``model.loss_<head>_background`` and
    ``model.loss_<head>_weights`` for some of them, its parameters in [postprocessing] and a list of values for each of
    them in [validation].
    """
    model = tables["model"]
    name, tasks = model["method"], model["auxiliary"]
    if not isinstance(name, str) or name not in BASES:
        others = [base for base, method in BASES.items() if base not in METHODS and method.has_network]
        known = f"{', '.join((*METHODS, *others))}; auxiliary tasks for each: {', '.join(AUXILIARY)}"
        raise KeyProblemError(("model", "method"), f"{shown(name)} is not a known method; known: {known}")
    if not isinstance(tasks, list):
        raise KeyProblemError(("model", "auxiliary"), f"must be a list of {', '.join(AUXILIARY)}, not {shown(tasks)}")
    for task in tasks:
        if not isinstance(task, str) or task not in AUXILIARY:
            message = f"{shown(task)} is not a known auxiliary task; known: {', '.join(AUXILIARY)}"
            raise KeyProblemError(("model", "auxiliary"), message)
    if tasks and not (BASES[name].has_network and BASES[name].finds_instances):
        raise KeyProblemError(("model", "auxiliary"), f"the method {name} has no auxiliary tasks, not {shown(tasks)}")
    scheme = tables["scheme"]
    if isinstance(scheme, Mapping) and scheme.get("name") == "joint" and BASES[name].has_network:
        tasks = [*tasks, DENOISING]
    method = find_method(name, tasks)
    # Each once, in one order, so that equal trainings have equal configurations.
    model["auxiliary"] = list(method.auxiliary)
    return _extension(method)


@cache
def _extension(method: Method) -> Extension:
    fields = method.params.model_fields
    return Extension(
        {
            ("model",): {**dict(_of_losses(method)), **method.keys},
            ("postprocessing",): {name: (_annotation(field), field) for name, field in fields.items()},
            ("validation",): {
                name: (list[_annotation(field)], [])  # type: ignore[misc]
                for name, field in fields.items()
            },
        },
        partial(_check, method),
        partial(_unknown, method),
    )


def _of_losses(method: Method) -> Iterator[tuple[str, Any]]:
    for head in method.heads:
        yield f"loss_{head.name}_coeff", (NotNegativeFloat, head.coefficient)
        if head.background is not None:
            yield f"loss_{head.name}_background", (NotNegativeFloat, head.background)
        if head.class_weights:
            kind = Annotated[list[NotNegativeFloat], AfterValidator(partial(_one_a_class, head.channels))]
            yield f"loss_{head.name}_weights", (kind, list(head.class_weights))


def _one_a_class(classes: int, weights: list[float]) -> list[float]:
    if weights and (len(weights) != classes or not any(weights)):
        raise ValueError(f"needs {classes} weights, one a class, of which not all are 0, or none: []")
    return weights


def _annotation(field: Any) -> Any:
    """Type of a parameter with its range, which pydantic keeps beside it."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def _check(method: Method, config: Config) -> Iterator[Problem]:
    yield from _check_networks(method, config)
    yield from _check_weights(method, config)
    yield from _check_lists(method, config)


def _check_weights(method: Method, config: Config) -> Iterator[Problem]:
    """Refuse another balance of classes where no class is weighed by it."""
    told = [head for head in method.heads if head.loss in (SOFTMAX, SIGMOID)]
    fixed = [head.name for head in told if head.class_weights and config.class_weights(head.name)]
    balance = config.training.class_balance
    if fixed and len(fixed) == len(told) and balance != "patch":
        keys = ", ".join(f"model.loss_{name}_weights" for name in fixed)
        yield (
            ("training", "class_balance"),
            f"{balance!r} has no effect where {keys} weigh the classes; set them to [], or remove this key",
        )


def _check_networks(method: Method, config: Config) -> Iterator[Problem]:
    if config.model.networks == SEPARATE and len(method.base_heads) < 2:
        several = ", ".join(name for name, base in BASES.items() if len(base.heads) > 1)
        own = f"one head of its own, {method.base_heads[0].name}" if method.has_network else "no network"
        yield (
            ("model", "networks"),
            f"{SEPARATE!r} is for methods of several heads, but {method.base} has {own} (the network of the first head "
            f"learns auxiliary tasks, too); use {SHARED!r}, or one of the methods: {several}",
        )


def _check_lists(method: Method, config: Config) -> Iterator[Problem]:
    lists = {name: getattr(config.validation, name) for name in method.params.model_fields}
    lengths = {name: len(values) for name, values in lists.items() if values}
    if config.validation.param_product:
        if (count := math.prod(lengths.values())) > MAX_SETS:
            yield (
                ("validation", "param_product"),
                f"the lists have {count:,} combinations; at most {MAX_SETS:,} are allowed",
            )
    elif len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        yield (
            ("validation", list(lengths)[-1]),
            f"the lists are combined entry by entry, so they must have the same length ({listing}). Or set "
            "validation.param_product = true",
        )


REMEDY = "remove the key, or change model.method or model.auxiliary"


def _unknown(method: Method, key: Key) -> str:
    loss, _, kind = key[-1].rpartition("_")
    if key[:1] == ("model",) and loss.startswith("loss_") and kind in ("coeff", "background", "weights"):
        keys = dict(_of_losses(method))
        heads = ", ".join(head.name for head in method.heads if f"loss_{head.name}_{kind}" in keys)
        known = f"its heads: {heads}" if heads else "none of its heads has such a key"
        return f"the method {method.name} has no such head; {known}; {REMEDY}"
    keys = {name: each.keys for name, each in BASES.items()} | {name: each.keys for name, each in AUXILIARY.items()}
    owners = [name for name, own in keys.items() if key[-1] in own]
    if key[:-1] == ("model",) and owners:
        return f"is a key of {' and '.join(owners)}, and the method is {method.name}; {REMEDY}"
    theirs = {name for other in METHODS.values() for name in other.params.model_fields}
    if key[0] in ("validation", "postprocessing") and key[-1] in theirs:
        params = ", ".join(method.params.model_fields)
        return f"the method {method.name} has no such parameter; its parameters: {params}; {REMEDY}"
    return ""
