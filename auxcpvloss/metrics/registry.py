"""The metrics by name, in the order in which scores are written. A new one is a `Metric` and a line here."""

from auxcpvloss.metrics.average_precision import AVERAGE_PRECISION
from auxcpvloss.metrics.boundaries import AVERAGE_SURFACE_DISTANCE, BOUNDARY, HAUSDORFF
from auxcpvloss.metrics.detection_scores import DETECTION, INSTANCES
from auxcpvloss.metrics.metric import Metric
from auxcpvloss.metrics.quality import QUALITY
from auxcpvloss.metrics.regions import AGGREGATED_JACCARD, DICE
from auxcpvloss.metrics.strata import BY_DENSITY, BY_SIZE

BY_DEFAULT: dict[str, Metric] = {
    "instances": INSTANCES,
    "average_precision": AVERAGE_PRECISION,
    "quality": QUALITY,
    "by_size": BY_SIZE,
    "by_density": BY_DENSITY,
}
ON_REQUEST: dict[str, Metric] = {
    "dice": DICE,
    "aggregated_jaccard": AGGREGATED_JACCARD,
    "hausdorff": HAUSDORFF,
    "average_surface_distance": AVERAGE_SURFACE_DISTANCE,
    "boundary": BOUNDARY,
}
"""Computed where ``evaluation.metrics`` asks for them."""
METRICS: dict[str, Metric] = {**BY_DEFAULT, **DETECTION, **ON_REQUEST}
