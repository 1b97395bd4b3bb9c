"""Tables [data] and [preprocessing]."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from auxcpvloss.config.groups import Groups
from auxcpvloss.config.tables.types import (
    Finite,
    Fraction,
    Hundreds,
    Name,
    NotNegativeFloat,
    Positive,
    PositiveFloat,
    Seed,
    Shape,
    Table,
    Text,
)
from auxcpvloss.config.units import Unit
from auxcpvloss.config.use import Use, UseVal

Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
UpToThousand = Annotated[int, Field(ge=0, le=1000)]
MOST_PROPORTION = 1000
"""Maximum ratio of the sides of a voxel; no microscope comes close to it."""


def _none_or_three(size: tuple[float, ...]) -> tuple[float, ...]:
    if len(size) not in (0, 3):
        raise ValueError(f"needs three numbers (z, y, x), or none if the files record it; got {len(size)}")
    check_proportions(size)
    return size


def check_proportions(size: tuple[float, ...]) -> None:
    """Raise a `ValueError` if the sides of a voxel differ so much that the unit of one of them must be wrong."""
    if size and max(size) > MOST_PROPORTION * min(size):
        raise ValueError(f"{list(size)}: no voxel is {MOST_PROPORTION:,} times as long as it is wide; is a unit wrong?")


def _no_or_named(axes: str) -> str:
    if axes and (len(set(axes)) < len(axes) or not {"Y", "X"} <= set(axes) <= set("TCZYX")):
        raise ValueError(f"{axes!r}: expected Y and X, perhaps Z, C (channels) and T (time), each once, such as 'CZYX'")
    return axes


def _names_the_image(pattern: str) -> str:
    if len(re.findall("{name}|{case}", pattern)) != 1 or set(re.sub("{name}|{case}", "", pattern)) & set("{}/\\"):
        raise ValueError(f"{pattern!r}: expected a name with {{name}} (or {{case}}) once, such as '{{name}}_mask'")
    return pattern


VoxelSize = Annotated[tuple[PositiveFloat, ...], AfterValidator(_none_or_three)]


class Synthetic(Table):
    """The generated data set."""

    kind: Literal["worms", "nuclei"]
    train: Hundreds
    val: UpToThousand
    test: UpToThousand
    shape: Shape
    nuclei: Positive
    seed: Seed
    photons: Finite
    blur: Finite
    dimmest: Finite
    spacing: Finite
    annotation_error: Finite


Split = Literal["train", "val", "test", "unlabelled"]
"""Where volumes lie; unlabelled: in data.unlabelled_data."""


def _each_once(splits: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(splits)) < len(splits) or not splits:
        raise ValueError(f"{list(splits)}: expected one split or more, each once")
    return splits


class Degrade(Table):
    """How volumes are made worse on purpose."""

    gaussian: NotNegativeFloat
    gaussian_length: Annotated[int, Field(ge=1, le=100)]
    poisson: NotNegativeFloat
    blur: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    brightness: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    clip: bool
    splits: Annotated[tuple[Split, ...], AfterValidator(_each_once)]
    labels: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    label_splits: Annotated[tuple[Literal["train", "val"], ...], AfterValidator(_each_once)]
    seed: Seed


class Data(Table):
    """Where the volumes are and what is in them."""

    path: Text
    available_at: Text
    train_data: Text
    val_data: Text
    test_data: Text
    unlabelled_data: Text
    input_format: Name
    test_format: Name
    images: Text
    masks: Text
    mask_pattern: Annotated[Name, AfterValidator(_names_the_image)]
    raw_key: Text
    gt_key: Text
    fill_chunks: bool
    axes: Annotated[Name, AfterValidator(_no_or_named)]
    channel: Annotated[int, Field(ge=-1, le=1000)]
    ignore_label: Annotated[int, Field(ge=-(2**31), lt=2**32)]
    annotated_box: bool
    split_pieces: bool
    voxel_size: VoxelSize
    test_voxel_size: VoxelSize
    target_voxel_size: VoxelSize
    voxel_unit: Unit
    padding: tuple[UpToThousand, UpToThousand, UpToThousand]
    split: tuple[Fraction, Fraction, Fraction]
    split_seed: Seed
    groups: Groups
    num_folds: UpToThousand
    use: Use
    use_val: UseVal
    use_seed: Seed
    allow_repeats: bool
    synthetic: Synthetic
    degrade: Degrade

    @model_validator(mode="after")
    def _split_adds_up(self) -> Data:
        if abs(sum(self.split) - 1) > 1e-6:
            raise ValueError(f"split: the fractions of train, val and test must add up to 1, not {sum(self.split):g}")
        return self


class Preprocessing(Table):
    """How intensities of different volumes are made comparable."""

    normalize: Literal["percentile", "min_max", "mean_std", "none"]
    lower_percentile: Percent
    upper_percentile: Percent
    square: bool
    cuberoot: bool

    @model_validator(mode="after")
    def _ordered(self) -> Preprocessing:
        if self.lower_percentile >= self.upper_percentile:
            raise ValueError("upper_percentile: must be above lower_percentile")
        return self

    @model_validator(mode="after")
    def _one_power(self) -> Preprocessing:
        if self.square and self.cuberoot:
            raise ValueError(
                "cuberoot: cannot be combined with square, which nearly cancels it; set one of them to false"
            )
        return self
