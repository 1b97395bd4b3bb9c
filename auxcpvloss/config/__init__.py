"""Configuration: files are merged left to right and checked once into typed tables."""

from auxcpvloss.config.load_and_check import defaults, load
from auxcpvloss.config.places import find_config, find_setup, known
from auxcpvloss.config.tables import Config
from auxcpvloss.config.toml_files import ConfigFile
from auxcpvloss.config.write import as_toml, dump, flat, inline, write

__all__ = [
    "Config", "ConfigFile",
    "as_toml", "defaults", "dump", "find_config", "find_setup", "flat", "inline", "known", "load", "write",
]  # fmt: skip
