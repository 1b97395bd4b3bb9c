"""The environment of Mask R-CNN."""

from baselines.environment import Environment

MASK_RCNN = Environment("Mask R-CNN", ("torch==2.14.1", "torchvision==0.29.1", "scipy"), {"CUDA_VISIBLE_DEVICES": ""})
