"""Configuration: files are merged left to right and checked once into typed tables."""

from auxcpvloss.config.load import ConfigFile, defaults, load
from auxcpvloss.config.places import find_config, known
from auxcpvloss.config.tables import Config
from auxcpvloss.config.write import as_toml, dump, flat, write

__all__ = ["Config", "ConfigFile", "as_toml", "defaults", "dump", "find_config", "flat", "known", "load", "write"]
