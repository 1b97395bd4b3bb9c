"""The optimizer that [optimizer] asks for: any one of Keras, with its options, checked before anything is written."""

from __future__ import annotations

from difflib import get_close_matches
from inspect import Parameter, isclass, signature
from typing import Any

import keras

from auxcpvloss.config import defaults
from auxcpvloss.config.tables import Config, Optimizer
from auxcpvloss.system.errors import InputError

NO_OPTIMIZERS = ("Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap")
"""Of keras.optimizers: base class, and wrappers."""

OWN_KEYS = {
    "learning_rate": "lr",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "epsilon": "epsilon",
    "global_clipnorm": "clip_norm",
    "clipvalue": "clip_value",
}
"""What Keras calls the keys that [optimizer] has."""


def make_optimizer(config: Config) -> keras.optimizers.Optimizer:
    """Give the optimizer, not built yet.

    Raises
    ------
    InputError
        No such optimizer, or an option that it does not take.
    """
    table = config.optimizer
    kind, options = _kind(table.optimizer), _options(table)
    rate: Any = table.lr
    if table.lr_schedule == "cosine":
        # Keras counts updates of the weights, of which there are fewer where gradients are accumulated.
        updates = max(1, config.training.max_iterations // (options.get("gradient_accumulation_steps") or 1))
        rate = keras.optimizers.schedules.CosineDecay(table.lr, updates, alpha=table.min_lr / table.lr)
    optimizer = kind(rate, **options)
    if config.training.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def check_optimizer(table: Optimizer) -> None:
    """Try the optimizer, with each option of [optimizer.options] and with all of them, on two small weights.

    Keras checks some values when an optimizer is made, others when it is first used, so both are done.

    Raises
    ------
    InputError
        No such optimizer, or an option or value that it does not take.
    """
    kind, options = _kind(table.optimizer), _options(table)
    own = {key: value for key, value in options.items() if key not in table.options}
    for key in table.options:
        # Moving averages need a second option to be of any effect; together they are tried below.
        _try(kind, table.lr, {**own, key: options[key]}, f"optimizer.options.{key}")
    _try(kind, table.lr, options, "[optimizer.options]")


def known_optimizers() -> dict[str, Any]:
    """Classes of keras.optimizers, by name."""
    found = {name: kind for name, kind in vars(keras.optimizers).items() if isclass(kind)}
    base = keras.optimizers.Optimizer
    return {name: kind for name, kind in found.items() if issubclass(kind, base) and name not in NO_OPTIMIZERS}


def _kind(name: str) -> Any:
    known = {each.lower(): kind for each, kind in known_optimizers().items()}
    if name.lower() not in known:
        close = get_close_matches(name.lower(), known, n=1)
        hint = f"; did you mean '{known[close[0]].__name__}'?" if close else ""
        raise InputError(
            f"optimizer.optimizer: Keras has no {name!r}{hint} known: {', '.join(sorted(known_optimizers()))}."
        )
    return known[name.lower()]


def _options(table: Optimizer) -> dict[str, Any]:
    """Arguments for the class of the optimizer, but for the learning rate."""
    kind = _kind(table.optimizer)
    parameters = signature(kind).parameters
    options: dict[str, Any] = {}
    own = {
        "beta_1": table.beta1,
        "beta_2": table.beta2,
        "epsilon": table.epsilon,
        "global_clipnorm": table.clip_norm,
        "clipvalue": table.clip_value,
    }
    for option, value in own.items():
        key = OWN_KEYS[option]
        default = defaults().tables["optimizer"][key]
        if option in parameters and (value or not key.startswith("clip_")):
            options[option] = value
        elif option not in parameters and value != default:
            raise InputError(f"optimizer.{key}: {kind.__name__} has no {option}; leave the key out.")
    for option, value in table.options.items():
        options[option] = _value(kind, parameters, option, value)
    if options.get("use_ema") and not options.get("ema_overwrite_frequency"):
        raise InputError(
            "optimizer.options.use_ema: the averages become weights every ema_overwrite_frequency iterations; set it."
        )
    return options


def _value(kind: Any, parameters: Any, option: str, value: Any) -> Any:
    """Check an option against the signature: its name, and its type where the default has one."""
    place = f"optimizer.options.{option}"
    if option in OWN_KEYS:
        raise InputError(f"{place}: set optimizer.{OWN_KEYS[option]} instead.")
    named = [name for name, p in parameters.items() if p.kind is not Parameter.VAR_KEYWORD]
    possible = [name for name in named if name not in (*OWN_KEYS, "name", "loss_scale_factor")]
    if option not in possible:
        close = get_close_matches(option, possible, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; it has: {', '.join(possible)}."
        raise InputError(f"{place}: {kind.__name__} has no such option{hint}")
    default = parameters[option].default
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, bool) != isinstance(value, bool) and default is not None:
        raise InputError(
            f"{place}: must be {'true or false' if isinstance(default, bool) else 'a number'}, not {value!r}."
        )
    if isinstance(default, int | float) and not isinstance(default, bool) and not number:
        raise InputError(f"{place}: must be a number, not {value!r}.")
    return float(value) if isinstance(default, float) else value


def _try(kind: Any, rate: float, options: dict[str, Any], place: str) -> None:
    weights = [keras.Variable(keras.ops.ones((1, 1, 1, 2, 2))), keras.Variable(keras.ops.ones(2))]
    try:
        optimizer = kind(rate, **options)
        optimizer.build(weights)
        optimizer.apply([keras.ops.ones_like(weight) for weight in weights])
    except Exception as error:  # Keras and its backends raise whatever they like for a wrong value.
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{place}: {kind.__name__} does not take this value: {reason}") from error
