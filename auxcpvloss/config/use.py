"""The keys data.use and data.use_val: which part of the volumes serves, by patterns of their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

ALL = "all"
"""Value of data.use: every volume serves."""
MATCHED = "matched"
"""Value of data.use_val: of the validation volumes the same fraction serves as of the training volumes."""
MOST = 10**9
MOST_LETTERS = 200
"""In a pattern; names are not longer."""

Share = int | float
"""A number of volumes if it is whole; else a fraction of them, so that 1 is one volume and 1.0 is all."""


def checked_share(share: Any, least: int = 1) -> None:
    """Raise a `ValueError` for anything but a number of volumes or a fraction; for 0 unless `least` is 0."""
    is_number = isinstance(share, int | float) and not isinstance(share, bool)
    largest = 1.0 if isinstance(share, float) else MOST
    if not is_number or not 0 <= share <= largest or (least and not share):
        raise ValueError(
            "expected a number of volumes, such as 10, or a fraction above 0, up to 1.0, such as 0.25; not "
            f"{repr(share)[:MOST_LETTERS]}"
        )


def checked_use(use: Any) -> Any:
    """Give back "all", a share, or a table of patterns and shares; a `ValueError` says what is wrong with the rest."""
    if isinstance(use, Mapping):
        for pattern, share in use.items():
            if not 0 < len(pattern) <= MOST_LETTERS:
                raise ValueError(f"{pattern[:MOST_LETTERS]!r}: expected a pattern of 1 to {MOST_LETTERS} letters")
            try:
                checked_share(share, least=0)
            except ValueError as error:
                raise ValueError(f"{pattern!r}: {error}") from None
        if not any(use.values()):
            raise ValueError('uses no volume; give a pattern a number or a fraction, such as "*" = 0.25')
    elif isinstance(use, str):
        if use != ALL:
            raise ValueError(
                f"{use[:MOST_LETTERS]!r}: expected {ALL!r}, a number or fraction of volumes, or a table of patterns"
            )
    else:
        checked_share(use)
    return use


def checked_use_val(use: Any) -> Any:
    """Like `checked_use`, for the validation volumes: also "matched"."""
    return use if use == MATCHED else checked_use(use)


Use = Annotated[str | int | float | dict[str, int | float], BeforeValidator(checked_use)]
UseVal = Annotated[str | int | float | dict[str, int | float], BeforeValidator(checked_use_val)]
