"""Pictures of predictions and instances."""
