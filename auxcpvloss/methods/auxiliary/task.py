"""What an auxiliary task is, and a method with auxiliary tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pydantic import create_model

from auxcpvloss.config import Config
from auxcpvloss.methods.method import Corruption, Head, Method, Params
from auxcpvloss.methods.seeds import Seeds


@dataclass(frozen=True)
class Auxiliary:
    """A task that the network learns beside that of the method, so that it learns the latter better.

    Attributes
    ----------
    head : Head
        Its name is that of the task.
    seeds : type of Seeds or None
        Parameters of post-processing that the task adds to methods with a watershed, and the seeds that it offers them.
    corrupt, keys
        What it does to the input of the network, and its keys: see `Method`.
    """

    head: Head
    seeds: type[Seeds] | None = None
    corrupt: Callable[[Config], Corruption] | None = None
    keys: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, hash=False)


@cache
def with_auxiliary(method: Method, tasks: tuple[Auxiliary, ...]) -> Method:
    """Add auxiliary tasks to a method that has none: their heads, and their seeds if it has a watershed."""
    params = method.params
    if issubclass(params, Seeds):
        params = _offering(params, tuple((task.head.name, task.seeds) for task in tasks if task.seeds))
    heads = tuple(task.head for task in tasks)
    corrupt, keys = method.corrupt, dict(method.keys)
    for task in tasks:
        corrupt, keys = task.corrupt or corrupt, {**keys, **task.keys}
    return replace(
        method,
        heads=(*method.heads, *heads),
        params=params,
        auxiliary=tuple(head.name for head in heads),
        corrupt=corrupt,
        keys=keys,
    )


@cache
def _offering(base: type[Params], seeds: tuple[tuple[str, type[Seeds]], ...]) -> type[Params]:
    """Extend parameters by the seeds of auxiliary tasks, each with its name."""
    params = base
    for name, each in seeds:
        params = create_model(f"{params.__name__}{name.title()}", __base__=(each, params))
    if seeds:
        # The class has no name by which another process could import it.
        def reduce(values: Params) -> tuple[Any, ...]:
            return _restore, (base, seeds, values.model_dump())

        params.__reduce__ = reduce  # type: ignore[assignment, method-assign]
    return params


def _restore(base: type[Params], seeds: tuple[tuple[str, type[Seeds]], ...], values: dict[str, Any]) -> Params:
    return _offering(base, seeds)(**values)
