"""Tests of the package."""

import os

from auxcpvloss.system.backends import choose_backend

TEST_BACKEND = os.environ.get("AUXCPVLOSS_TEST_BACKEND", "tensorflow")
"""The library that the networks of tests compute with."""

# Before anything imports Keras.
choose_backend(TEST_BACKEND, os.environ)
