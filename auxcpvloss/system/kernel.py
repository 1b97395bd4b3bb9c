"""Functions that numba compiles; what it compiled is kept on disk for the next process, where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import FunctionCache

F = TypeVar("F", bound=Callable[..., Any])


class _Cache(FunctionCache):
    """Files that are of use, but not needed: numba ends the program where they cannot be read or written."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        # Cut off, as by a loss of power: pickle raises whatever it likes.
        except Exception:
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)


def kernel(*signature: str, **options: Any) -> Callable[[F], F]:
    """Compile a function, when it is called first, or now for the one signature that it is given.

    Parameters
    ----------
    signature : str, optional
    options
        Of `numba.njit`.
    """

    def compiled(function: F) -> F:
        dispatcher = njit(**options)(function)
        # No folder that may be written to: each process compiles anew.
        with suppress(RuntimeError):
            dispatcher._cache = _Cache(function)
        for each in signature:
            dispatcher.compile(each)
            dispatcher.disable_compile()
        return dispatcher

    return compiled
