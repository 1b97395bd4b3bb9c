"""Tables [data] and [preprocessing]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from auxcpvloss.config.tables.types import Fraction, NotNegative, Positive, PositiveFloat, Shape, Table

Percent = Annotated[float, Field(ge=0, le=100)]


def _none_or_three(size: tuple[float, ...]) -> tuple[float, ...]:
    if len(size) not in (0, 3):
        raise ValueError(f"needs three numbers (z, y, x), or none where the files tell; got {len(size)}")
    return size


VoxelSize = Annotated[tuple[PositiveFloat, ...], AfterValidator(_none_or_three)]


class Synthetic(Table):
    """The generated data set."""

    train: Positive
    val: NotNegative
    test: NotNegative
    shape: Shape
    nuclei: Positive
    seed: NotNegative


class Data(Table):
    """Where the volumes are and what is in them."""

    path: str
    available_at: str
    train_data: str
    val_data: str
    test_data: str
    input_format: Literal["auto", "tif", "zip", "zarr", "n5", "hdf", "synthetic"]
    images: str
    masks: str
    raw_key: str
    gt_key: str
    voxel_size: VoxelSize
    padding: tuple[NotNegative, NotNegative, NotNegative]
    split: tuple[Fraction, Fraction, Fraction]
    split_seed: NotNegative
    num_folds: NotNegative
    synthetic: Synthetic

    @model_validator(mode="after")
    def _split_adds_up(self) -> Data:
        if abs(sum(self.split) - 1) > 1e-6:
            raise ValueError(f"split: the fractions of train, val and test must add up to 1, not {sum(self.split):g}")
        return self


class Preprocessing(Table):
    """How intensities are made comparable between volumes."""

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
            raise ValueError("cuberoot: square is true as well, which nearly undoes it; choose one of them")
        return self
