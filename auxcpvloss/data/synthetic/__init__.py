"""Generated volumes."""
