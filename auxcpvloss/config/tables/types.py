"""Types that the tables share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MOST = 10**9
"""Maximum of every count; a larger number is a mistake."""
LARGEST = 1e30
"""Networks compute in single precision, whose maximum is 3e38."""
MOST_TEXT = 4096
"""Maximum length of a path on Linux, in characters."""


def _no_null(text: str) -> str:
    if "\0" in text:
        raise ValueError("contains a null character, which is not allowed in file names")
    return text


Text = Annotated[str, Field(max_length=MOST_TEXT), AfterValidator(_no_null)]
Name = Annotated[Text, Field(max_length=200)]
Positive = Annotated[int, Field(gt=0, le=MOST)]
NotNegative = Annotated[int, Field(ge=0, le=MOST)]
Hundreds = Annotated[int, Field(gt=0, le=1000)]
Thousands = Annotated[int, Field(gt=0, le=10_000)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
PositiveFloat = Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)]
NotNegativeFloat = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Shape = tuple[Thousands, Thousands, Thousands]


class Table(BaseModel):
    """A table of the configuration: refuses unknown keys, and is immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)
