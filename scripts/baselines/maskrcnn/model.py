"""Mask R-CNN of torchvision with one class, nuclei; these functions run in its own environment."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

BACKBONES = ("resnet18", "resnet34", "resnet50")
ANCHORS = (16, 32, 64, 128, 256)
"""Sides of the anchors of the five levels. Images are scaled so that the median nucleus is `command.DIAMETER` wide."""
CLASSES = 2
"""Background and nucleus."""
DETECTIONS = 300
"""Nuclei that are found in a tile, at most; torchvision's default is 100."""
SAMPLED = {"rpn_batch_size_per_image": 128, "box_batch_size_per_image": 64}
"""Of anchors and proposals, those that the losses see: fewer than torchvision's, whose images are larger."""
PROPOSALS = {
    "rpn_pre_nms_top_n_train": 1000, "rpn_pre_nms_top_n_test": 1000, "rpn_post_nms_top_n_train": 500,
    "rpn_post_nms_top_n_test": 500,
}  # fmt: skip


def new_model(backbone: str, width: int, side: int, is_pretrained: bool) -> Any:
    """Make the network for patches and tiles of so many pixels, with random weights. Nothing is downloaded.

    The pyramid and the mask branch have `width` maps, the box branch 4 x `width` units: with a width of 256, and
    resnet50, the network is torchvision's ``maskrcnn_resnet50_fpn``. The backbone has
    group normalization, since batches are small; if it is to get pretrained weights, it has batch normalization with
    frozen statistics, as in torchvision.
    """
    from torch import nn
    from torchvision.models import resnet
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.backbone_utils import BackboneWithFPN
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
    from torchvision.ops import FrozenBatchNorm2d

    norm = FrozenBatchNorm2d if is_pretrained else partial(nn.GroupNorm, 32)
    body = getattr(resnet, backbone)(weights=None, norm_layer=norm)
    levels = [body.inplanes // 8 * 2**i for i in range(4)]
    layers = {f"layer{i + 1}": str(i) for i in range(4)}
    pyramid = BackboneWithFPN(body, layers, levels, width)
    anchors = AnchorGenerator(tuple((size,) for size in ANCHORS), ((0.5, 1.0, 2.0),) * len(ANCHORS))
    return MaskRCNN(
        pyramid, min_size=side, max_size=side, rpn_anchor_generator=anchors,
        box_head=TwoMLPHead(width * 7 * 7, 4 * width), box_predictor=FastRCNNPredictor(4 * width, CLASSES),
        mask_head=MaskRCNNHeads(width, [width] * 4, 1), mask_predictor=MaskRCNNPredictor(width, width, CLASSES),
        box_detections_per_img=DETECTIONS, **SAMPLED, **PROPOSALS,
    )  # fmt: skip


def load_pretrained(model: Any, file: str) -> None:
    """Load weights of a whole Mask R-CNN or of a backbone alone.

    Arrays of other shapes stay random: those of the last layers, where the file is of a network for more classes.
    """
    import torch

    given = torch.load(file, map_location="cpu", weights_only=True)
    given = given.get("model", given) if isinstance(given, dict) else {}
    own = model.state_dict()
    if not any(name.startswith("backbone.") for name in given):
        given = {f"backbone.body.{name}": value for name, value in given.items()}
    fitting = {name: value for name, value in given.items() if name in own and value.shape == own[name].shape}
    if missing := [name for name in own if name.startswith("backbone.body.") and name not in fitting]:
        raise ValueError(f"{file}: lacks {len(missing)} arrays of the backbone, or has others; choose its --backbone")
    model.load_state_dict(fitting, strict=False)


def load_trained(file: Path, backbone: str, width: int, side: int) -> Any:
    """Make the network with weights that `training.train` kept."""
    import torch

    state = torch.load(file, weights_only=True)
    model = new_model(backbone, width, side, is_pretrained=any(name.endswith("running_mean") for name in state))
    model.load_state_dict(state)
    return model


def as_input(image: Any) -> Any:
    """Make the three equal channels that the network takes of a gray image."""
    import torch

    return torch.from_numpy(image).float().expand(3, -1, -1)
