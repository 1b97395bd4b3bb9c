"""Train on one real volume, test on another, and compare with Otsu and a distance-transform watershed.

Both are scored by the same evaluator on the same prepared volumes::

    python scripts/compare_with_otsu.py FOLDER [--root ROOT] [--exp-id NAME]

FOLDER holds train/ and test/, each with images/ and masks/, as the example of the application mouse_embryo does.
Ends with status 1 where the network is not better at IoU 0.3 and 0.5.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.segmentation import watershed

sys.path.insert(0, str(Path(__file__).parents[1]))


from auxcpvloss import metrics
from auxcpvloss.cli import main as run
from auxcpvloss.config import ConfigFile
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import read_instances
from auxcpvloss.experiment.selection_file import read_selection
from auxcpvloss.metrics.average_precision import PATHS
from auxcpvloss.system.terminal import Terminal

THRESHOLDS = (0.3, 0.5)
BASELINES = {"Otsu + watershed": 0.0, "Otsu + watershed, smoothed": 1.5}


def otsu_watershed(sample: Sample, sigma: float) -> np.ndarray:
    """Threshold, and split at the ridges between peaks of the distance transform.

    Image and distances are first smoothed with `sigma`, in units of the smallest voxel side; 0 is the textbook recipe.
    """
    spacing = np.array(sample.voxel_size) / min(sample.voxel_size)
    smooth = gaussian(sample.raw[:], sigma=sigma / spacing)
    foreground = smooth > threshold_otsu(smooth)
    distance = gaussian(ndimage.distance_transform_edt(foreground, sampling=spacing), sigma=sigma / spacing)
    peaks = peak_local_max(distance, min_distance=4, labels=ndimage.label(foreground)[0])
    markers = np.zeros(distance.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-distance, markers, mask=foreground)


def _aps(truth: np.ndarray, found: np.ndarray) -> list[float]:
    scores = metrics.score(truth, found)
    return [scores[f"{PATHS[threshold]}.AP"] for threshold in THRESHOLDS]


def main() -> int:
    """Run both and print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--root", default="experiments")
    parser.add_argument("--exp-id", default="mouse_embryo")
    args = parser.parse_args()
    train, test = str(args.folder / "train"), str(args.folder / "test")
    data = ["--train-data", train, "--val-data", train, "--test-data", test]
    status = run(["-a", "mouse_embryo", "-id", args.exp_id, "-r", args.root, *data, "-d", "all"])
    if status:
        return status
    folder = Path(args.root).resolve() / args.exp_id
    experiment = Experiment(folder, load([ConfigFile.read(folder / "config.toml")]))
    selection = read_selection(experiment)
    rows, better = [], True
    for sample in experiment.samples("test"):
        truth = np.asarray(sample.labels)
        path = experiment.instanced("test", selection.checkpoint, selection.params, sample.name)
        network = _aps(truth, read_instances(path))
        results = {"network": network} | {
            name: _aps(truth, otsu_watershed(sample, sigma)) for name, sigma in BASELINES.items()
        }
        for name, aps in results.items():
            rows.append([sample.name, name, *aps])
            # Not above another one that makes no error at all either.
            better &= name == "network" or all(np.array(network) > np.minimum(aps, 1 - 1e-9))
    Terminal().table("AP at IoU above", ["volume", "method", *map(str, THRESHOLDS)], rows)
    return 0 if better else 1


if __name__ == "__main__":
    sys.exit(main())
