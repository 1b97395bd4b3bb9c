"""The environment of StarDist."""

from baselines.environment import Environment

STARDIST = Environment(
    "StarDist",
    ("stardist==0.9.2", "tensorflow==2.19.*", "tf-keras==2.19.*", "tifffile"),
    {
        "TF_USE_LEGACY_KERAS": "1",  # csbdeep is written for Keras 2
        "TF_ENABLE_ONEDNN_OPTS": "1",  # as for ours; TensorFlow alone leaves it off on some processors
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    },
)
