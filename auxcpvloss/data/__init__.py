"""Volumes: import, verification, the prepared samples, and a generator."""
