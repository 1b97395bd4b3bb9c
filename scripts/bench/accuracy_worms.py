"""Time to accuracy on worms, against StarDist-3D.

Both learn from nothing, one after the other, on the volumes of the demo (three for training, one for validation, two
for test), eight minutes each, on the same cores and with oneDNN. StarDist-3D with the settings of its example for 3D;
ours with scripts/bench/accuracy_worms.toml. The clocks start with the processes; validation is not counted. At each
mark thresholds are chosen on the validation volume, and the test volumes are scored; one training each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.measure import Options, Row
from bench.time_to_accuracy import Data, compare

DURATION = "1 hour"
SHAPE, NUCLEI, SEED = (80, 80, 240), 260, 1
COUNTS = {"train": 3, "val": 1, "test": 2}
"""As in config/default.toml, [data.synthetic]."""


def files(options: Options) -> Mapping[str, Sequence[Path]]:
    """Give the volumes of the default data."""
    from auxcpvloss.data.synthetic.worms import dataset
    from bench.volumes import worm_file

    volumes = dataset(*COUNTS.values(), SEED)
    return {split: [worm_file(SHAPE, NUCLEI, seed) for seed in named.values()] for split, named in volumes.items()}


def measure(options: Options) -> Iterator[Row]:
    """Train both, and compare."""
    config = Path(__file__).with_suffix(".toml")
    yield from compare(Data("accuracy_worms", files, (1.0, 1.0, 1.0), config), options)
