"""The methods, by name, each alone or with auxiliary tasks."""

from collections.abc import Iterable
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.tables.training import SHARED
from auxcpvloss.methods.affinities import AFFINITIES
from auxcpvloss.methods.auxiliary import AUXILIARY, Auxiliary, with_auxiliary
from auxcpvloss.methods.decode_sets import decode_sets
from auxcpvloss.methods.external import EXTERNAL
from auxcpvloss.methods.gauss import GAUSS
from auxcpvloss.methods.method import OUTSIDE, Head, Labels, Method, Params, Prediction
from auxcpvloss.methods.nedt_border import NEDT_BORDER
from auxcpvloss.methods.noise2void import NOISE2VOID
from auxcpvloss.methods.sdt import SDT
from auxcpvloss.methods.threeclass import THREECLASS
from auxcpvloss.methods.threeclass_outer import THREECLASS_OUTER

BASES = {
    method.base: method
    for method in (AFFINITIES, THREECLASS, SDT, GAUSS, NEDT_BORDER, THREECLASS_OUTER, NOISE2VOID, EXTERNAL)
}


def split_name(name: str) -> tuple[str, tuple[str, ...]]:
    """Take the short form of a method with auxiliary tasks apart: ``sdt_cpv`` is ``sdt`` with ``cpv``.

    Of two methods of which one's name begins with the other's, as `threeclass_outer` and `threeclass`, the longer one
    is meant. A name that is not made of known ones is returned whole.
    """
    for base in sorted(BASES, key=len, reverse=True):
        tasks = name.removeprefix(base).split("_")
        if name.startswith(base) and not tasks[0] and AUXILIARY.keys() >= set(tasks[1:]):
            return base, tuple(tasks[1:])
    return name, ()


def find_method(name: str, auxiliary: Iterable[str] = ()) -> Method:
    """Give a method, in the long or the short form, with auxiliary tasks besides those in its name.

    Raises
    ------
    KeyError
        No such method, or no such auxiliary task.
    """
    base, tasks = split_name(name)
    wanted = {*tasks, *auxiliary}
    if unknown := wanted - AUXILIARY.keys():
        raise KeyError(*unknown)
    return with_auxiliary(BASES[base], tuple(task for key, task in AUXILIARY.items() if key in wanted))


RELEASED = ("affinities", "affinities_cpv", "threeclass", "threeclass_cpv", "sdt", "sdt_cpv", "gauss")
"""Those of the paper."""
METHODS: dict[str, Method] = {
    name: find_method(name) for name in (*RELEASED, "nedt_border", "nedt_border_cpv", "threeclass_outer")
}
"""Those that setups are shipped for."""


def method_of(config: Config) -> Method:
    """Give the method of a configuration, with its auxiliary tasks and the networks that learn it."""
    method = find_method(config.model.method, config.model.auxiliary)
    return method if config.model.networks == SHARED else method.with_separate_networks()


def model_record(config: Config) -> dict[str, Any]:
    """Give the table [model] as records of results hold it: with the method and its auxiliary tasks as one name.

    Records without `networks` are older than this key, or of one network.
    """
    without = {"auxiliary", *(["networks"] if config.model.networks == SHARED else [])}
    table = config.model.model_dump(mode="json", exclude=without)
    return {**table, "method": method_of(config).name}


__all__ = [
    "AUXILIARY", "BASES", "METHODS", "OUTSIDE", "RELEASED", "Auxiliary", "Head", "Labels", "Method", "Params",
    "Prediction", "decode_sets", "find_method", "method_of", "model_record", "split_name",
]  # fmt: skip
