"""The optimizer that [optimizer] asks for: any one of Keras, with its options, checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any

import keras

from auxcpvloss.config import defaults
from auxcpvloss.config.tables import Config, Optimizer
from auxcpvloss.system.errors import InputError

WRAPPERS = ("Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap")
"""Names in keras.optimizers that are not optimizers themselves."""

OWN_KEYS = {
    "beta_1": "beta1",
    "beta_2": "beta2",
    "epsilon": "epsilon",
    "global_clipnorm": "clip_norm",
    "clipvalue": "clip_value",
}
"""Keys of [optimizer], by their Keras names."""

ACCUMULATION = "gradient_accumulation_steps"
"""Option of all optimizers of Keras, that optimizer.accumulate sets; earlier configurations set it in the options."""

KINDS = {bool: "true or false", int: "a number", float: "a number"}


def make_optimizer(config: Config, networks: Sequence[Sequence[keras.Variable]] = ()) -> keras.optimizers.Optimizer:
    """Make the optimizer; the caller has to build it.

    Parameters
    ----------
    config : Config
    networks : sequence of sequences of keras.Variable
        Weights of each network, where there are several: ``optimizer.clip_norm`` is for the gradients of each.

    Raises
    ------
    InputError
        No such optimizer, or an option that it does not take.
    """
    table = config.optimizer
    kind, options = _configured(table)
    if table.clip_norm and len(networks) > 1:
        kind = _clipping_each(kind, networks)
    optimizer = kind(_rate(table, config.training.max_iterations), **options)
    if config.training.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _clipping_each(kind: Any, networks: Sequence[Sequence[keras.Variable]]) -> Any:
    """Give a kind of optimizer that clips the gradients of each network by themselves, by their own joint norm."""
    numbers = {id(weight): number for number, weights in enumerate(networks) for weight in weights}

    class Clipping(kind):
        def _clip_gradients(self, gradients: list[Any]) -> list[Any]:
            # Whose they are is not known here, but in the next step. Accumulated ones are added up by now.
            return gradients

        def _backend_update_step(self, gradients: list[Any], weights: list[Any], rate: Any) -> None:
            clipped = dict(enumerate(gradients))
            for number in range(len(networks)):
                own = [n for n, weight in enumerate(weights) if numbers[id(weight)] == number]
                if own:
                    clipped.update(zip(own, super()._clip_gradients([gradients[n] for n in own]), strict=True))
            super()._backend_update_step(list(clipped.values()), weights, rate)

    # Keras names the variables of an optimizer after it.
    Clipping.__name__ = kind.__name__
    return Clipping


def _rate(table: Optimizer, iterations: int) -> Any:
    """Give the learning rate, or its schedule; `iterations` count also those whose gradients are only added up."""
    schedules = keras.optimizers.schedules
    if table.lr_schedule == "cosine":
        falling, rising = iterations - table.warmup, {}
        if table.warmup:
            rising = {"warmup_target": table.lr, "warmup_steps": table.warmup}
        lowest = table.min_lr / table.lr
        return schedules.CosineDecay(0.0 if rising else table.lr, falling, alpha=lowest, **rising)
    if table.warmup:
        # A polynomial of the first degree, which stays at its end.
        return schedules.PolynomialDecay(0.0, table.warmup, end_learning_rate=table.lr)
    return table.lr


def check_optimizer(table: Optimizer) -> None:
    """Try the optimizer with each option of [optimizer.options], and with all of them, on two small weights.

    Keras checks some values when an optimizer is made, others when it is first used, so both are done.

    Raises
    ------
    InputError
        No such optimizer, or an option or value that it does not take.
    """
    kind, options = _configured(table)
    own = {key: value for key, value in options.items() if key not in table.options}
    for key in table.options:
        # Moving averages need a second option to be of any effect; together they are tried below.
        _try(kind, table.lr, {**own, key: options[key]}, f"optimizer.options.{key}")
    _try(kind, table.lr, options, "[optimizer.options]")


def known_optimizers() -> list[str]:
    """Names of the optimizers of Keras."""
    return [name for name in dir(keras.optimizers) if name[0].isupper() and name not in WRAPPERS]


def _kind(name: str) -> Any:
    """Class of an optimizer by its name, in upper or lower case."""
    # keras.optimizers.get makes one, which gives the next of its kind another name, and so other bytes in a checkpoint.
    known = {each.lower(): each for each in known_optimizers()}
    if name.lower() in known:
        return getattr(keras.optimizers, known[name.lower()])
    close = get_close_matches(name.lower(), known, n=1)
    hint = f"; did you mean '{known[close[0]]}'?" if close else ";"
    raise InputError(f"optimizer.optimizer: Keras has no {name!r}{hint} known: {', '.join(known.values())}.")


def _configured(table: Optimizer) -> tuple[Any, dict[str, Any]]:
    """Class of the optimizer, and its arguments but for the learning rate."""
    kind = _kind(table.optimizer)
    parameters = signature(kind).parameters
    options: dict[str, Any] = {}
    own = (table.beta1, table.beta2, table.epsilon, table.clip_norm, table.clip_value)
    for (option, key), value in zip(OWN_KEYS.items(), own, strict=True):
        if option in parameters and (value or not key.startswith("clip_")):
            options[option] = value
        elif option not in parameters and value != defaults().tables["optimizer"][key]:
            raise InputError(f"optimizer.{key}: {kind.__name__} has no {option}; remove the key.")
    options |= {option: _value(kind, parameters, option, value) for option, value in table.options.items()}
    if table.accumulate > 1:
        if ACCUMULATION in table.options:
            raise InputError(f"optimizer.accumulate: optimizer.options.{ACCUMULATION} is set, too; remove that.")
        options[ACCUMULATION] = table.accumulate
    if options.get("use_ema") and table.average:
        raise InputError("optimizer.average: optimizer.options.use_ema is set, too; remove that.")
    if options.get("use_ema") and not options.get("ema_overwrite_frequency"):
        raise InputError(
            "optimizer.options.use_ema: the averages replace the weights every ema_overwrite_frequency iterations; "
            "set that option, too."
        )
    return kind, options


def _value(kind: Any, parameters: Mapping[str, Parameter], option: str, value: Any) -> Any:
    """Check the name of an option, and its type where the default of Keras has one."""
    place, own = f"optimizer.options.{option}", {"learning_rate": "lr", **OWN_KEYS}
    if option in own:
        raise InputError(f"{place}: set optimizer.{own[option]} instead.")
    possible = [name for name in parameters if name not in (*own, "name", "loss_scale_factor", "kwargs")]
    if option not in possible:
        close = get_close_matches(option, possible, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"it has: {', '.join(possible)}."
        raise InputError(f"{place}: {kind.__name__} has no such option; {hint}")
    default = parameters[option].default
    wanted = KINDS.get(type(default))
    if wanted and KINDS.get(type(value)) != wanted:
        raise InputError(f"{place}: must be {wanted}, not {value!r}.")
    return float(value) if isinstance(default, float) else value


def _try(kind: Any, rate: float, options: dict[str, Any], place: str) -> None:
    weights = [keras.Variable(keras.ops.ones((1, 1, 1, 2, 2))), keras.Variable(keras.ops.ones(2))]
    try:
        optimizer = kind(rate, **options)
        optimizer.build(weights)
        optimizer.apply([keras.ops.ones(weight.shape) for weight in weights])
    except Exception as error:  # Keras and its backends raise whatever they like for a wrong value.
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{place}: {kind.__name__} does not accept this value: {reason}") from error
