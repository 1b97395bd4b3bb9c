"""StarDist-3D, in an environment of its own."""
