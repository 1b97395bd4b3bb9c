"""The tables of a configuration file: types and ranges of every key.

The defaults, with a comment on each key, are in ``config/default.toml``. The keys of a method
([postprocessing] thresholds, ``loss_*_coeff``, the grids of [validation]) come from the method, see `schema`.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from auxcpvloss.methods.method import Params
from auxcpvloss.metrics import metric_paths
from auxcpvloss.network.shapes import AxisGeometry, geometry
from auxcpvloss.network.tiling import smallest_tileable

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Angle = Annotated[float, Field(ge=-180, le=180)]
Shape = tuple[Positive, Positive, Positive]


def _none_or_three(size: tuple[float, ...]) -> tuple[float, ...]:
    if len(size) not in (0, 3):
        raise ValueError(f"needs three numbers (z, y, x), or none where the files tell; got {len(size)}")
    return size


VoxelSize = Annotated[tuple[PositiveFloat, ...], AfterValidator(_none_or_three)]
Axes = list[Annotated[int, Field(ge=0, le=2)]]


class Table(BaseModel):
    """A table of the configuration: unknown keys refused, values fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class General(Table):
    """What concerns all stages."""

    seed: NotNegative
    logging: Literal["debug", "info", "warning", "error"]


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
    train_data: str
    val_data: str
    test_data: str
    input_format: Literal["auto", "tif", "zip", "zarr", "hdf", "synthetic"]
    images: str
    masks: str
    raw_key: str
    gt_key: str
    voxel_size: VoxelSize
    split: tuple[Fraction, Fraction, Fraction]
    split_seed: NotNegative
    synthetic: Synthetic

    @model_validator(mode="after")
    def _split_adds_up(self) -> Data:
        if abs(sum(self.split) - 1) > 1e-6:
            raise ValueError(f"split: the fractions of train, val and test must add up to 1, not {sum(self.split):g}")
        return self


class Preprocessing(Table):
    """How intensities are brought to 0..1."""

    normalize: Literal["percentile", "min_max", "none"]
    lower_percentile: Percent
    upper_percentile: Percent

    @model_validator(mode="after")
    def _ordered(self) -> Preprocessing:
        if self.lower_percentile >= self.upper_percentile:
            raise ValueError("upper_percentile: must be above lower_percentile")
        return self


class Model(Table):
    """The method and its network."""

    method: str
    train_input_shape: Shape
    test_input_shape: Shape
    num_fmaps: Positive
    fmap_inc_factors: list[Positive]
    fmap_dec_factors: list[Positive]
    downsample_factors: list[Shape]
    kernel_size: Shape
    num_repetitions: Positive
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "selu", "silu"]
    padding: Literal["valid", "same"]
    upsampling: Literal["resize_conv", "transposed_conv"]

    @property
    def geometry(self) -> tuple[AxisGeometry, AxisGeometry, AxisGeometry]:
        """What the network does to the sizes of its input, by axis."""
        return geometry(self.downsample_factors, self.kernel_size, self.num_repetitions, self.padding)

    @model_validator(mode="after")
    def _levels_agree(self) -> Model:
        levels = len(self.downsample_factors)
        for key in ("fmap_inc_factors", "fmap_dec_factors"):
            if len(getattr(self, key)) != levels:
                raise ValueError(f"{key}: needs one number per entry of downsample_factors, {levels} in all")
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(f"kernel_size: must be odd along every axis, not {list(self.kernel_size)}")
        return self

    @model_validator(mode="after")
    def _inputs_fit(self) -> Model:
        for key in ("train_input_shape", "test_input_shape"):
            shape = getattr(self, key)
            bad = [a for a, g, s in zip("zyx", self.geometry, shape, strict=True) if g.output_size(s) is None]
            if bad:
                near = [g.nearest_inputs(s) for g, s in zip(self.geometry, shape, strict=True)]
                choices = "; ".join(
                    f"{axis}: {' or '.join(map(str, sizes))}" for axis, sizes in zip("zyx", near, strict=True)
                )
                raise ValueError(
                    f"{key}: this network cannot take an input of {list(shape)} (along {', '.join(bad)}); "
                    f"the nearest sizes that it can take: {choices}"
                )
        for axis, g, size in zip("zyx", self.geometry, self.test_input_shape, strict=True):
            smallest = smallest_tileable(g)
            if size < smallest:
                raise ValueError(
                    f"test_input_shape: of an input of {size} along {axis} nothing is left that is free of what "
                    f"padding {self.padding!r} does at the border; it needs {smallest} at least"
                )
        return self


class Optimizer(Table):
    """Adam and its learning rate."""

    lr: PositiveFloat
    lr_schedule: Literal["constant", "cosine"]
    beta1: Decay
    beta2: Decay
    epsilon: PositiveFloat


class Elastic(Table):
    """Elastic deformation and rotation."""

    control_point_spacing: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    jitter_sigma: tuple[NotNegativeFloat, NotNegativeFloat, NotNegativeFloat]
    rotation_min: Angle
    rotation_max: Angle
    subsample: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Elastic:
        if self.rotation_min > self.rotation_max:
            raise ValueError("rotation_max: must not be below rotation_min")
        return self


class Intensity(Table):
    """Random change of intensities."""

    scale: tuple[NotNegativeFloat, NotNegativeFloat]
    shift: tuple[Finite, Finite]

    @model_validator(mode="after")
    def _ordered(self) -> Intensity:
        for key in ("scale", "shift"):
            low, high = getattr(self, key)
            if low > high:
                raise ValueError(f"{key}: the first number must not be above the second")
        return self


class Simple(Table):
    """Mirroring and exchange of axes."""

    mirror: Axes
    transpose: Axes


class Augmentation(Table):
    """Random changes of training patches."""

    elastic: Elastic
    intensity: Intensity
    simple: Simple


class Training(Table):
    """How long, on what, and with what the network is trained."""

    batch_size: Positive
    max_iterations: Positive
    checkpoints: Positive
    snapshots: NotNegative
    log_every: Positive
    num_workers: NotNegative
    cache_size: Positive
    p_nonempty: Fraction
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    augmentation: Augmentation


class Prediction(Table):
    """How predictions are stored."""

    dtype: Literal["float32", "float16"]


class Validation(Table):
    """What is tried to find the best checkpoint and parameters."""

    checkpoints: list[Positive]
    param_product: bool


class Evaluation(Table):
    """How instances are scored."""

    metric: str
    use_linear_sum_assignment: bool

    @field_validator("metric")
    @classmethod
    def _exists(cls, metric: str) -> str:
        known = metric_paths()
        if metric not in known:
            close = get_close_matches(metric, known, n=3)
            raise ValueError(f"no evaluation has {metric!r}; it has, among others, {', '.join(close or known[:3])}")
        return metric


class Postprocessing(Table):
    """How instances are made; the parameters come from the method."""

    output_format: Literal["hdf", "zarr"]


class Config(Table):
    """The effective configuration of an experiment."""

    general: General
    data: Data
    preprocessing: Preprocessing
    model: Model
    optimizer: Optimizer
    training: Training
    prediction: Prediction
    postprocessing: Postprocessing
    validation: Validation
    evaluation: Evaluation

    def coefficient(self, head: str) -> float:
        """Weight of a head's loss in the total."""
        return float(getattr(self.model, f"loss_{head}_coeff"))

    def params(self, kind: type[Params]) -> Params:
        """Post-processing parameters of the method, as set in [postprocessing]."""
        return kind(**{key: getattr(self.postprocessing, key) for key in kind.model_fields})
