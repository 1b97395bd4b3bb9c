"""Versions of what makes results: of the stages, of this package, and of the libraries that compute."""

from __future__ import annotations

from auxcpvloss.data.samples import LIBRARIES as SAMPLES
from auxcpvloss.data.samples import VERSION
from auxcpvloss.system.libraries import versions_of

STAGES = {
    "prepare": VERSION,
    "mknet": 1,
    "train": 1,
    "predict": 1,
    "label": 1,
    "evaluate": 2,
    "validate_checkpoints": 1,
    "cross_validate": 1,
    "visualize": 2,
    "export": 1,
    "report": 2,
}
"""Raise the number of a stage with every change of what it writes for the same input: results of other versions are
made again. A new release that changes nothing keeps them, and with them weeks of work."""

LIBRARIES = {
    "prepare": SAMPLES,
    "mknet": ("keras", "tensorflow"),
    "train": ("gunpowder", "keras", "numpy", "scipy", "tensorflow"),
    "predict": ("gunpowder", "keras", "numpy", "tensorflow"),
    "label": ("mahotas", "numpy", "scikit-image", "scipy"),
    "evaluate": ("matplotlib", "numpy", "scipy"),
    "validate_checkpoints": ("numpy",),
    "cross_validate": ("numpy",),
    "visualize": ("matplotlib", "numpy"),
    "export": ("numpy", "scipy", "tifffile", "zarr"),
    "report": ("imagecodecs", "jinja2", "matplotlib", "numpy"),
}
"""Libraries that compute what a stage writes; recorded beside it and told where they differ, but never compared."""


def version_of(stage: str) -> dict[str, int]:
    """Give the entry of a record that says which version of a stage made it."""
    return {f"version of {stage}": STAGES[stage]}


def made_with(stage: str) -> dict[str, str]:
    """Versions of the package and of the libraries that a stage computes with."""
    return versions_of(*LIBRARIES[stage])
