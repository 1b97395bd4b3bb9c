"""Names of methods and metrics as figures show them."""

from __future__ import annotations

from collections.abc import Iterable

from auxcpvloss.metrics.registry import METRICS
from auxcpvloss.metrics.table import metric_of

CPV = "_cpv"


def method_label(name: str, separator: str = " ") -> str:
    """``threeclass_cpv`` as the paper writes it: ``threeclass +cpv``."""
    base = name.removesuffix(CPV)
    return name if base == name or not base else f"{base}{separator}+cpv"


def families(names: Iterable[str]) -> list[list[str]]:
    """Put each method beside the same with vectors; those that have no counterpart come together, last."""
    names = list(names)
    pairs = [[name, name + CPV] for name in names if name + CPV in names]
    paired = {name for pair in pairs for name in pair}
    single = [name for name in names if name not in paired]
    return [*pairs, single] if single else pairs


def metric_label(path: str) -> str:
    """Say for people what the number at a dotted path is: ``confusion_matrix.th_0_5.AP`` is ``AP at IoU > 0.5``."""
    name = metric_of(path)
    return METRICS[name].numbers[path].heading if name else path
