"""Networks, by name."""

from auxcpvloss.config.tables import Model
from auxcpvloss.network.architectures.architecture import Architecture
from auxcpvloss.network.architectures.unet import UNET

ARCHITECTURES = {"unet": UNET}


def architecture_of(model: Model) -> Architecture:
    """Give the architecture that ``model.architecture`` names."""
    return ARCHITECTURES[model.architecture]
