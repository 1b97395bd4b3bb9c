"""Which network makes which heads, and what its layers are called where there are several; no Keras."""

from __future__ import annotations

from collections.abc import Iterable

from auxcpvloss.methods.method import Head
from auxcpvloss.network.architectures.architecture import HEADS


def by_network(heads: Iterable[Head]) -> dict[str, list[Head]]:
    """Group heads by the network that makes them, in their order: {name of the network: heads}."""
    found: dict[str, list[Head]] = {}
    for head in heads:
        found.setdefault(head.network, []).append(head)
    return found


def prefix(network: str) -> str:
    """Give what the names of the layers of a network begin with: nothing if it is the only one."""
    return f"{network}_" if network else ""


def network_of(layer: str, heads: Iterable[Head]) -> str:
    """Name the network of some heads that has a layer. Names of heads, and so of networks, have no underscore."""
    first = layer.partition("_")[0]
    return first if first in by_network(heads) else ""


def joint_layers(heads: Iterable[Head]) -> dict[str, list[Head]]:
    """Give the layers `HEADS` of the networks by name, with their heads in the order of their channels."""
    return {prefix(network) + HEADS: of for network, of in by_network(heads).items()}


def is_joint(layer: str) -> bool:
    """Whether a layer is called like one that makes the channels of all heads of a network."""
    return layer == HEADS or layer.endswith(f"_{HEADS}")
