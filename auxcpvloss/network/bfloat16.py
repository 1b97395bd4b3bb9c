"""What patches must be like for convolutions in bfloat16 on processors."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from auxcpvloss.config import Config
from auxcpvloss.network.architectures import geometry
from auxcpvloss.system.processors import avoid_amx

COARSEST = 4
"""Voxels of the coarsest level along an axis, at least, as in nnU-Net. With 2 along z, bfloat16 convolutions of oneDNN
gave gradients that were not finite, in some runs and not in others."""

FEWEST_PLANES = 8
"""Planes of a patch, at least, to train on with AMX where kernels extend over several planes. With fewer and many rows,
gradients of kernels ended the process (TensorFlow 2.21): with one plane of 96 rows, with six of 192, but not with eight
of 192. Those of images do not (`planes.convolve_by_plane`)."""


def choose_instruction_sets(config: Config, environment: MutableMapping[str, str]) -> None:
    """Set what oneDNN reads when it computes first, so that it can train on thin patches of volumes."""
    is_thin = config.model.kernel_size[0] > 1 and config.model.train_input_shape[0] < FEWEST_PLANES
    if config.training.precision == "mixed_bfloat16" and is_thin:
        avoid_amx(environment)


def warnings(config: Config) -> Iterator[str]:
    """Warn of a training on processors in bfloat16 whose coarsest level is too small for that."""
    if config.training.precision != "mixed_bfloat16":
        return
    for letter, axis, size in zip("zyx", geometry(config.model), config.model.train_input_shape, strict=True):
        coarsest = axis.steps(size)[2 * len(axis.factors)]
        if axis.total_factor > 1 and coarsest < COARSEST:
            yield (
                f"the coarsest level of the network has {coarsest} voxels along {letter}; with fewer than {COARSEST}, "
                "training.precision = 'mixed_bfloat16' gives gradients on processors that are not finite in some runs. "
                "Use 'float32', a larger model.train_input_shape, or smaller model.downsample_factors"
            )
