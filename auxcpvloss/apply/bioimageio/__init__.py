"""Trained networks as packages for bioimage.io: description, weights, test tensors, documentation."""
