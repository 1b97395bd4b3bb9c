"""Volume to instances, of the size of L1, against StarDist-3D.

Image in memory, libraries loaded by a small block: `load_model(...).segment(image)` against `predict_instances` of
StarDist-3D with 96 rays and grid (1, 2, 2), in tiles as its documentation advises; both include the normalization. Ours
has the network of the demo, 10, 30 and 90 maps. Both were trained shortly on small worms, so that they find about the
true number of nuclei; oneDNN is on for both. `auto` computes in bfloat16 where the processor does so fast and the
results agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure import Call, Figures, Options, Row, figure, ratio, stopwatch, turns

DURATION = "20 minutes"
TILES, QUICK_TILES = [1, 1, 8], [1, 1, 2]
BLOCK = (slice(48), slice(16, 64), slice(64, 112))
"""What both segment before the clock starts, so that libraries are loaded."""


def ours(folder: str, volume: str, precision: str) -> Figures:
    """Segment with a trained experiment, in a given arithmetic."""
    import numpy as np

    from auxcpvloss import load_model
    from auxcpvloss.apply.model import Model
    from auxcpvloss.config import ConfigFile
    from auxcpvloss.experiment.configuration import load
    from auxcpvloss.experiment.folder import Experiment

    trained = load_model(folder)
    place = trained.experiment.folder
    changed = ConfigFile("benchmark", {"prediction": {"precision": precision}, "model": {"test_input_shape": []}})
    config = load([ConfigFile.read(place / "config.toml"), changed])
    with np.load(volume) as arrays:
        image = arrays[arrays.files[0]]
    Model(Experiment(place, config), trained).segment(image[BLOCK])
    # What the first has found out about its network is to be found out again.
    model = Model(Experiment(place, config), trained)
    with stopwatch() as figures:
        labels = model.segment(image)
    return {**figures, "instances": int(labels.max())}


def measure(options: Options) -> Iterator[Row]:
    """Compare time and memory in float32 and with `auto`."""
    from baselines.stardist.environment import STARDIST

    from bench.references import stardist
    from bench.references.networks import our_network, stardist_network
    from bench.volumes import size, worm_file

    shape, nuclei = size(options.quick)
    volume = str(worm_file(shape, nuclei))
    given = {"folder": str(our_network()), "volume": volume}
    tiles = QUICK_TILES if options.quick else TILES
    theirs = STARDIST.call(stardist.predict_instances, folder=str(stardist_network()), volume=volume, n_tiles=tiles)
    plain, auto = (Call(ours, {**given, "precision": precision}) for precision in ("float32", "auto"))
    ours_plain, ours_auto, reference = turns([plain, auto, theirs], options, warm_up=2)
    for name, sides, goal in (("float32", [ours_plain, reference], 3), ("auto", [ours_auto, reference], 6)):
        yield ratio(f"segment.{name}", f"segment, {name}", sides, at_least=goal)
        what = f"memory of StarDist-3D / ours, {name}"
        yield ratio(f"segment.memory_{name}", what, sides, "peak_bytes", at_least=2)
    for name, side in (("ours, float32", ours_plain), ("ours, auto", ours_auto), ("StarDist-3D", reference)):
        yield figure(f"segment.instances_{name}", f"instances found by {name}, of {nuclei}", side.values("instances"))
