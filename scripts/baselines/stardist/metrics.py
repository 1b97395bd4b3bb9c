"""Compare the metrics with those of StarDist, in an environment of its own, which the first run makes.

    .venv/bin/python scripts/baselines/stardist/metrics.py FOLDER

FOLDER holds labelled volumes: <dataset>/<split>/{images,masks}/<name>.tif.
"""

import os
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[3]
    sys.path[:1] = [str(root / "scripts"), str(root)]
    from baselines.stardist.environment import STARDIST

    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(f"{__doc__}")
    command = [str(STARDIST.interpreter()), str(Path(__file__).with_name("compare_metrics.py")), "--data", sys.argv[1]]
    environment = {**os.environ, **STARDIST.variables, "PYTHONPATH": str(root)}
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)
