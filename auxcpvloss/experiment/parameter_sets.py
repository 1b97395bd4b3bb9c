"""The sets of post-processing parameters that validation tries."""

from __future__ import annotations

from itertools import product
from typing import Any

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import Params


def grids(experiment: Experiment) -> dict[str, list[Any]]:
    """Give the parameters that validation has to choose, each with the values to try."""
    fields = experiment.method.params.model_fields
    return {name: values for name in fields if (values := getattr(experiment.config.validation, name))}


def parameter_sets(experiment: Experiment) -> list[Params]:
    """Give the lists of [validation], entry by entry or in every combination, over the values of [postprocessing]."""
    base, lists = experiment.params, grids(experiment)
    if not lists:
        return [base]
    product_wanted = experiment.config.validation.param_product
    rows = product(*lists.values()) if product_wanted else zip(*lists.values(), strict=True)
    sets = (base.model_copy(update=dict(zip(lists, row, strict=True))) for row in rows)
    # Sets that differ in parameters without effect only are the same.
    return list({params.slug(): params for params in sets}.values())
