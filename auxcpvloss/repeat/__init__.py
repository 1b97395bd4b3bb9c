"""Repeat an experiment from its ``provenance.json``, and compare."""
