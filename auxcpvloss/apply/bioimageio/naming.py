"""Names of models that bioimage.io accepts."""

from __future__ import annotations

import re

from auxcpvloss.system.errors import InputError

OTHERS = re.compile(r"[^A-Za-z0-9_+\- ()]")
"""A character that such a name has not."""
LEAST, MOST = 5, 128
"""Characters of such a name."""


def name_of_model(experiment: str) -> str:
    """Make a name of that of an experiment, which may be any: itself, if it is one."""
    name = OTHERS.sub("_", experiment)
    return (name if len(name) >= LEAST else f"nuclei {name}")[:MOST]


def check_name(name: str) -> None:
    """Refuse a name of a model that is none; the `InputError` says what is wrong with it."""
    if not LEAST <= len(name) <= MOST or OTHERS.search(name):
        raise InputError(
            f"--name {name!r:.200}: bioimage.io takes names of {LEAST} to {MOST} letters (a to z, without accents), "
            "digits, spaces and _ + - ( )."
        )
