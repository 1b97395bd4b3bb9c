"""Train Mask R-CNN on the images of an experiment and import its results: see command.py, or run it with --help."""

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[3]
    sys.path[:1] = [str(root / "scripts"), str(root)]
    from baselines.maskrcnn.command import main

    sys.exit(main())
