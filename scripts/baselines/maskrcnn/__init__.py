"""Mask R-CNN of torchvision, in an environment of its own."""
