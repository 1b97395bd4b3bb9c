"""What an auxiliary task is, and a method with auxiliary tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from pydantic import create_model

from auxcpvloss.methods.decoding import Seeds
from auxcpvloss.methods.method import Head, Method


@dataclass(frozen=True)
class Auxiliary:
    """A task that the network learns beside that of the method, so that it learns the latter better.

    Attributes
    ----------
    head : Head
        Its name is that of the task.
    seeds : type of Seeds or None
        Parameters of post-processing that the task adds to methods with a watershed, and the seeds that it offers them.
    """

    head: Head
    seeds: type[Seeds] | None = None


@cache
def with_auxiliary(method: Method, tasks: tuple[Auxiliary, ...]) -> Method:
    """Add auxiliary tasks to a method that has none: their heads, and their seeds if it has a watershed."""
    params = method.params
    if issubclass(params, Seeds):
        for task in tasks:
            if task.seeds:
                params = create_model(f"{params.__name__}{task.head.name.title()}", __base__=(task.seeds, params))
    heads = tuple(task.head for task in tasks)
    return replace(method, heads=(*method.heads, *heads), params=params, auxiliary=tuple(head.name for head in heads))
