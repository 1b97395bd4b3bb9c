"""What the numbers of an evaluation mean, in words: written beside them, so that nobody has to guess."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auxcpvloss.metrics.strata import NEIGHBOURS, REACH

INSTANCES = {
    "threshold": (
        "a true nucleus and a predicted instance match one to one, and only at an IoU > t (not equal); th_0_5: t = 0.5"
    ),
    "counts": (
        "TP matched pairs, FP predicted instances without a match, FN true nuclei without one; AP = TP / (TP + FP + "
        "FN), precision = TP / (TP + FP), recall = TP / (TP + FN), fscore = 2 TP / (2 TP + FP + FN); avAP: mean AP "
        "over t = 0.1, 0.2, ..., 0.9"
    ),
    "PQ": (
        "panoptic quality at t = 0.5: sum of the IoU of matched pairs / (TP + FP / 2 + FN / 2) = SQ x RQ; SQ is "
        "mean_matched_iou, RQ is th_0_5.fscore"
    ),
    "SEG": (
        "of the Cell Tracking Challenge: mean over the true nuclei of the IoU with the predicted instance that covers "
        "more than half of the nucleus, 0 where there is none; false positives do not lower it"
    ),
    "mean_matched_iou": "mean IoU of the pairs matched at t = 0.5",
    "mean_true_iou": "mean over the true nuclei of the IoU as matched at t = 0.5, 0 for missed ones",
    "splits": "true nuclei in each of which at least two predicted instances lie with more than half of their voxels",
    "merges": "predicted instances in each of which at least two true nuclei lie with more than half of their voxels",
    "by_size": (
        "matches at t = 0.5 of the small, medium and large nuclei: thirds of the true ones of each volume, edges in "
        "voxels; predicted instances by their own size and the same edges"
    ),
    "by_density": (
        f"matches at t = 0.5 of sparse, dense and crowded nuclei: up to {NEIGHBOURS[0]}, up to {NEIGHBOURS[1]}, more "
        f"true nuclei whose center lies within {REACH} mean diameters (of balls of their volume; in space); predicted "
        "instances as the true nucleus whose center is nearest"
    ),
}

MATCHING = {
    True: "optimal: as many pairs as possible, and among such matchings the greatest sum of IoU",
    False: "greedy: by falling IoU, among equals the pair that appears first in the volume",
}

DETECTION = {
    "hoefener": "the center of mass of a predicted instance finds the nucleus whose mask it lies in, one a nucleus",
    "linear": (
        "centers of mass of predicted instances and centers of true nuclei, one to one: as many pairs as possible, and "
        "among such matchings the least sum of distances"
    ),
    "greedy": "centers of mass of predicted instances and centers of true nuclei, one to one: the nearest pair first",
}

POINTS = "the center of mass of a predicted instance belongs to the nearest annotated point, one a point"

EMPTY = (
    "where nothing was to be found and nothing was, every ratio is 1; otherwise 0 / 0 is 0; a class of by_size or "
    "by_density without nuclei has no ratios"
)

AVERAGING = (
    "mean: over the volumes that have the score, each counting the same (the paper's way); pooled: of the counts and "
    "sums of all volumes together, each nucleus counting the same"
)


def metric_card(
    matching: str, distance_limit: float, foreground_only: bool, optimal: bool, has_masks: bool, of_instances: bool
) -> dict[str, str]:
    """Say what the scores of a volume mean, a text each.

    Parameters
    ----------
    matching : str
        Of points, one of `detection.MATCHINGS`.
    distance_limit : float
        In voxels along x.
    foreground_only : bool
    optimal : bool
        How instances were matched.
    has_masks : bool
        Whether the ground truth has masks; else it has points.
    of_instances : bool
        Whether instances were scored, too.
    """
    limit = f"at most {distance_limit:g} voxels (along x; elsewhere as far in space) apart"
    points = DETECTION[matching] if has_masks or matching != "hoefener" else POINTS
    detection = points if has_masks and matching == "hoefener" else f"{points}; {limit}"
    ignored = "nothing but the background, label 0"
    if foreground_only and has_masks:
        ignored = "predicted voxels where the ground truth has background (foreground_only)"
    elif foreground_only:
        ignored = f"predicted centers that are not {limit} from an annotated point (foreground_only)"
    elif not has_masks:
        ignored = "the outlines of the predicted instances: the ground truth has points only"
    card = {"matching": MATCHING[optimal], **INSTANCES} if of_instances else {}
    return {**card, "detection": f"{matching}: {detection}", "ignored": ignored, "empty": EMPTY}


def card_of_volumes(cards: Iterable[Mapping[str, str]]) -> str:
    """Put the cards of several volumes together, a line a text; where volumes differ there are several lines."""
    lines = [f"{name}: {text}" for card in cards for name, text in card.items()]
    return "\n".join(dict.fromkeys([*lines, f"averaging: {AVERAGING}"])) + "\n"
