"""Make the network that comes with the program from a trained experiment: weights without the optimizer, configuration.

The training is `python run_auxcpvloss.py -a pretrained -s threeclass_cpv -d all`; docs/pretrained.md. The card of the
network, auxcpvloss/experiment/pretrained/card.toml, is written by hand.
"""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout need not be installed

from auxcpvloss.apply.loading import load
from auxcpvloss.apply.model import Model
from auxcpvloss.config import as_toml
from auxcpvloss.experiment.pretrained import FOLDER
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text

NOTE = "# Written by scripts/make_pretrained.py: what applying the network needs to know of its training.\n"


def main() -> None:
    """Parse the command line and replace the network in the package; exit with status 2 if the input is bad."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("experiment", type=Path, help="folder of the trained experiment")
    parser.add_argument("--checkpoint", type=int, help="iterations (default: selected by validation)")
    args = parser.parse_args()
    try:
        _write(load(args.experiment, "best" if args.checkpoint is None else args.checkpoint))
    except InputError as error:
        parser.exit(2, f"{error}\n")


def _write(model: Model) -> None:
    config = model.experiment.config
    tables = {
        # Cubes, in terms of which the median nucleus is as wide as on the generated volumes.
        "data": {"voxel_size": [1, 1, 1], "target_voxel_size": [1, 1, 1]},
        "preprocessing": config.preprocessing.model_dump(mode="json"),
        "model": config.model.model_dump(mode="json"),
        "prediction": {"dtype": "float16"},
        "postprocessing": model.params.with_effect(),
    }
    write_text(FOLDER / "config.toml", NOTE + as_toml(tables))
    place = FOLDER / "train" / "checkpoints"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    path = place / f"{model.checkpoint:08d}.keras"
    _without_optimizer(model, path)
    print(f"{path}: {path.stat().st_size:,} bytes")


def _without_optimizer(model: Model, path: Path) -> None:
    from auxcpvloss.network.checkpoint import load_checkpoint, save_checkpoint
    from auxcpvloss.network.compiled import new_network

    network = new_network(model.experiment.config, model.experiment.method)
    load_checkpoint(network, model.experiment.checkpoints.need(model.checkpoint))
    save_checkpoint(network, path, {})


if __name__ == "__main__":
    main()
