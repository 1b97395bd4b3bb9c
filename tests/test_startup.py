"""What is imported, by commands that compute nothing."""

import subprocess
import sys

import pytest

SLOW = {
    "edt", "gunpowder", "h5py", "imagecodecs", "jax", "keras", "mahotas", "matplotlib", "numba", "pandas", "scipy",
    "skimage", "tensorboard", "tensorflow", "tensorstore", "tifffile", "torch", "zarr",
}  # fmt: skip
COMMAND = f"""
import sys
from auxcpvloss.__main__ import main
sys.argv[:1] = ["auxcpvloss"]
try:
    status = main()
except SystemExit as error:
    status = error.code
print(status, sorted({SLOW} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--help"], 0, "stages, in the order"),
        (["segment", "--help"], 0, "Segment images"),
        (["configure", "--help"], 0, "Look at the volumes"),
        (["compare", "--help"], 0, "Compare runs"),
        (["import-results", "--help"], 0, "Make an experiment of the instances"),
        (["export-model", "--help"], 0, "package for bioimage.io"),
        (["-d", "train", "-c", "{}/wrong.toml"], 2, "optimizer.lr: "),
        (["-d", "train", "-a", "synthetic", "-s", "nothing"], 2, "nothing"),
        (["-d", "status", "-id", "none", "-r", "{}"], 2, "there is no such experiment"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "",
)
def test_neither_help_nor_an_error_of_the_configuration_waits_for_libraries(tmp_path, arguments, status, words):
    (tmp_path / "wrong.toml").write_text("[optimizer]\nlr = -1.0\n")
    command = [sys.executable, "-c", COMMAND, *(each.format(tmp_path) for each in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"{status} []"
    assert words in done.stdout + done.stderr


def test_the_package_is_light():
    program = f"import sys, auxcpvloss; print(({SLOW} | {{'numpy', 'pydantic', 'rich'}}) & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"set()\n"
