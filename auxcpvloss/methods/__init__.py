"""The methods, by name."""

from auxcpvloss.methods.cpv import with_cpv
from auxcpvloss.methods.method import OUTSIDE, Head, Labels, Method, Params, Prediction
from auxcpvloss.methods.threeclass import THREECLASS

BASES = (THREECLASS,)
METHODS: dict[str, Method] = {method.name: method for base in BASES for method in (base, with_cpv(base))}

__all__ = ["METHODS", "OUTSIDE", "Head", "Labels", "Method", "Params", "Prediction"]
