"""Tables [scheme] and [pretrain]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from auxcpvloss.config.tables.types import Positive, PositiveFloat, Table, Thousands

DENOISING = "n2v"
"""The auxiliary task, and its head, of the scheme "joint"."""

Reach = Annotated[int, Field(ge=0, le=100)]
Split = Literal["train", "val", "test"]


def _some_once(images: list[Split]) -> list[Split]:
    if not images or len(set(images)) < len(images):
        raise ValueError(f"{images}: expected at least one of train, val and test, each once")
    return images


class Scheme(Table):
    """What self-supervised denoising is used for.

    The schemes are those of Prakash, Buchholz, Lalit, Tomancak, Jug & Krull, "Leveraging self-supervised denoising for
    image segmentation" (ISBI 2020), and "joint" that of DenoiSeg (Buchholz et al., ECCV workshops 2020).
    """

    name: Literal["baseline", "sequential", "finetune", "finetune_sequential", "joint"]
    alpha: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]

    @property
    def denoises(self) -> bool:
        """Whether stages after ``denoise`` take denoised volumes."""
        return self.name in ("sequential", "finetune_sequential")

    @property
    def finetunes(self) -> bool:
        """Whether the training begins with the weights of the pretraining."""
        return self.name in ("finetune", "finetune_sequential")

    @property
    def is_joint(self) -> bool:
        """Whether denoising is learned as an auxiliary task."""
        return self.name == "joint"

    def share(self, denoising: bool) -> float:
        """Give the factor of a loss in the total: of denoising, or of anything else."""
        if not self.is_joint:
            return 1.0
        return self.alpha if denoising else 1 - self.alpha

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages that it needs besides those of every experiment."""
        return (*(["pretrain"] if self.finetunes or self.denoises else []), *(["denoise"] if self.denoises else []))


class Pretrain(Table):
    """Pretraining of a denoiser, see `experiment.pretraining`."""

    images: Annotated[list[Split], AfterValidator(_some_once)]
    max_iterations: Positive
    checkpoints: Positive
    batch_size: Thousands
    lr: PositiveFloat
    lr_schedule: Literal["constant", "cosine"]
    blind_share: Annotated[float, Field(gt=0, le=0.25, allow_inf_nan=False)]
    blind_radius: Annotated[int, Field(ge=1, le=100)]
    blind_extent: tuple[Reach, Reach, Reach]
