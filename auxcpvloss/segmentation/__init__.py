"""Pure functions from arrays to instances."""
