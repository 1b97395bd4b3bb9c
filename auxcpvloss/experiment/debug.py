"""Tiny numbers for a quick look at whether all stages run."""

from __future__ import annotations

from typing import Any

from auxcpvloss.config import Config, ConfigFile, dump
from auxcpvloss.config.places import config_folder
from auxcpvloss.methods import method_of
from auxcpvloss.network.architectures import smaller

SUFFIX = "_debug"


def debug_tables(config: Config) -> dict[str, Any]:
    """Give the keys that `--debug_args` sets, none of them to more than it was.

    These are ``config/debug.toml``, a smaller network, and the first two values of each list of [validation]. The
    method, the data, the augmentation and the structure of the network stay as they are.
    """
    tables: dict[str, Any] = {}
    for table, keys in ConfigFile.read(config_folder() / "debug.toml").tables.items():
        was = getattr(config, table)
        tables[table] = {k: min(v, getattr(was, k)) if isinstance(v, int) else v for k, v in keys.items()}
    for name in method_of(config).params.model_fields:
        tables["validation"][name] = getattr(config.validation, name)[:2]
    return {**tables, "model": smaller(config.model)}


def changes(before: Config, after: Config) -> list[str]:
    """Say what differs, a line for each table: ``[training] max_iterations 4 (was 1200), ...``."""
    old, new = dump(before), dump(after)
    lines = []
    for table, keys in new.items():
        was = old[table]
        changed = [f"{k} {_text(v)} (was {_text(was[k])})" for k, v in keys.items() if v != was[k]]
        lines += [f"[{table}] {', '.join(changed)}"] if changed else []
    return lines


def _text(value: Any) -> str:
    return " ".join(map(str, value)) or "all" if isinstance(value, list) else str(value) or "none"
