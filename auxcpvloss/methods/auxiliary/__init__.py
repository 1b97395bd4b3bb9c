"""The auxiliary tasks, by name; their order is that of heads and of names."""

from auxcpvloss.methods.auxiliary.cpv import CPV
from auxcpvloss.methods.auxiliary.cpvunit import CPVUNIT
from auxcpvloss.methods.auxiliary.edt import EDT
from auxcpvloss.methods.auxiliary.lsd import LSD
from auxcpvloss.methods.auxiliary.n2v import N2V
from auxcpvloss.methods.auxiliary.nearest import NEAREST
from auxcpvloss.methods.auxiliary.stars import STARS
from auxcpvloss.methods.auxiliary.task import Auxiliary, with_auxiliary

AUXILIARY: dict[str, Auxiliary] = {
    task.head.name: task
    for task in (
        CPV,
        EDT,
        CPVUNIT,
        NEAREST,
        LSD,
        STARS,
        N2V,
    )
}

__all__ = ["AUXILIARY", "Auxiliary", "with_auxiliary"]
