"""Libraries that are imported when something of them is first used: ``--help`` needs none of them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


def lazily(name: str) -> Any:
    """Stand in for a module, which is imported at the first look at one of its attributes.

    To be used in place of ``import`` at the top of modules that every command imports, for libraries that take long.
    """
    return _Lazy(name)
