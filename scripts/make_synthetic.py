"""Write a data set of synthetic worms as TIFF: OUT/{train,val,test}/{images,masks}/worm_NN.tif, or without splits."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import tifffile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout need not be installed

from auxcpvloss.data.synthetic.difficulty import RANGES, Difficulty
from auxcpvloss.data.synthetic.worms import dataset, make_worm
from auxcpvloss.system.errors import InputError


def main() -> None:
    """Parse the command line and write the data set; exit with status 2 if the input is bad."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the data set; new or empty")
    parser.add_argument("--shape", type=int, nargs=3, metavar=("Z", "Y", "X"), default=(80, 80, 240), help="in voxels")
    parser.add_argument("--nuclei", type=int, default=250, help="labelled nuclei per volume")
    parser.add_argument("--train", type=int, default=6, help="number of training volumes")
    parser.add_argument("--val", type=int, default=2, help="number of validation volumes")
    parser.add_argument("--test", type=int, default=2, help="number of test volumes")
    parser.add_argument(
        "--flat", type=int, default=0, metavar="N", help="write N volumes to OUT/{images,masks} instead"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the generator")
    hard = parser.add_argument_group("difficulty", "as the keys of [data.synthetic] in config/default.toml")
    for name, value in asdict(Difficulty()).items():
        least, largest = RANGES[name]
        option = f"--{name.replace('_', '-')}"
        hard.add_argument(option, type=float, default=value, metavar="X", help=f"{least:g} to {largest:g}")
    args = parser.parse_args()
    try:
        difficulty = Difficulty(**{name: getattr(args, name) for name in RANGES})
        if args.flat:
            volumes = {"": dataset(args.flat, 0, 0, args.seed)["train"]}
        else:
            volumes = dataset(args.train, args.val, args.test, args.seed)
        _write(args.out, tuple(args.shape), args.nuclei, volumes, difficulty)
    except InputError as error:
        parser.exit(2, f"{error}\n")


def _write(
    out: Path,
    shape: tuple[int, int, int],
    nuclei: int,
    volumes: dict[str, dict[str, int]],
    difficulty: Difficulty,
) -> None:
    # Volumes of an earlier run could be the same worms in another split.
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out}: not an empty folder; choose another or delete it first")
    for split, seeds in volumes.items():
        for name, seed in seeds.items():
            raw, labels = make_worm(shape, seed, nuclei, difficulty)
            for kind, volume, compression in (("images", raw, None), ("masks", labels, "zlib")):
                path = out / split / kind / f"{name}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, volume, compression=compression, photometric="minisblack")
            print(f"{Path(split, name)}: {nuclei} nuclei, seed {seed}")


if __name__ == "__main__":
    main()
