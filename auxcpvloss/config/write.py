"""Write a configuration as toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import toml

from auxcpvloss.config.tables import Config
from auxcpvloss.files import write_text


def dump(config: Config) -> dict[str, Any]:
    """Give the nested tables of a configuration, as toml knows them."""
    return config.model_dump(mode="json")


def write(config: Config, path: Path) -> None:
    """Write the configuration, whole, so that reading it gives an equal one."""
    write_text(path, toml.dumps(dump(config), encoder=_Encoder()))


class _Encoder(toml.TomlEncoder):
    """Floats with all their digits: the default keeps so many that 0.1 + 0.2 comes back changed."""

    def __init__(self) -> None:
        super().__init__()
        self.dump_funcs[float] = repr
