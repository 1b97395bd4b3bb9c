"""The methods, by name."""

from auxcpvloss.config import Config
from auxcpvloss.methods.affinities import AFFINITIES
from auxcpvloss.methods.cpv import with_cpv
from auxcpvloss.methods.gauss import GAUSS
from auxcpvloss.methods.method import OUTSIDE, Head, Labels, Method, Params, Prediction
from auxcpvloss.methods.sdt import SDT
from auxcpvloss.methods.threeclass import THREECLASS

BASES = (AFFINITIES, THREECLASS, SDT)
METHODS: dict[str, Method] = {
    **{method.name: method for base in BASES for method in (base, with_cpv(base))},
    GAUSS.name: GAUSS,
}


def method_of(config: Config) -> Method:
    """Give the method of a configuration."""
    return METHODS[config.model.method]


__all__ = ["METHODS", "OUTSIDE", "Head", "Labels", "Method", "Params", "Prediction", "method_of"]
