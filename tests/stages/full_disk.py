"""Run stages on a small disk that is full: a script, in a mount namespace of its own (see test_full_disk.py)."""

import hashlib
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import toml
import zarr

from auxcpvloss.cli import main
from auxcpvloss.data.checksums import NAME as CHECKSUMS
from auxcpvloss.data.whole_store import CHUNK
from tests.conftest import TINY, merge

STAGES = ("prepare", "mknet", "train", "validate_checkpoints", "predict", "label", "evaluate", "visualize")
SIZE = 64 * 2**20
CHANGE = {
    "training": {"num_workers": 1},
    "validation": {"fg_thresh": [0.3, 0.5], "seed_thresh": [0.34, 0.5], "num_workers": 2},
}
RECORDS = 64 * 2**10
"""So many bytes are enough for config.toml and provenance.json, old and new, and not for a volume."""
CHECKSUM = re.compile(rb".{0,2}checkpoint.{0,2}: .{0,2}[0-9a-f]{64}|\A# sha256 [0-9a-f]{64}")
LEFT_OUT = ("run.log", "tensorboard", "provenance.json", "network.txt", "superseded")
"""What tells of the time, or (names of layers) of how many networks a process made; and pictures that were whole, but
whose record did not fit on the disk: they are made again.
"""


class Disk:
    """A small disk with an experiment on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.outside = folder / "disk", folder
        self.folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", self.folder], check=True)
        (folder / "x.toml").write_text(toml.dumps(merge(TINY, CHANGE)))
        self.root, self.ballast = self.folder / "root", self.folder / "ballast"

    def run(self, stage: str) -> tuple[int, str]:
        """Exit status of a stage, and what it wrote to standard error."""
        errors = self.outside / "stderr"
        before = os.dup(2)
        with errors.open("w") as file:
            os.dup2(file.fileno(), 2)
        try:
            status = main(["-c", str(self.outside / "x.toml"), "-r", str(self.root), "-d", stage])
            sys.stderr.flush()
        finally:
            os.dup2(before, 2)
            os.close(before)
        return status, errors.read_text()

    @contextmanager
    def nearly_full(self, free: int) -> Iterator[None]:
        """Leave so many bytes."""
        room = os.statvfs(self.folder)
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, room.f_bavail * room.f_bsize - free))
        try:
            yield
        finally:
            self.ballast.unlink()

    def used(self) -> int:
        room = os.statvfs(self.folder)
        return (room.f_blocks - room.f_bfree) * room.f_bsize

    def keep(self, name: str) -> None:
        shutil.copytree(self.root, self.outside / name) if self.root.exists() else (self.outside / name).mkdir()

    def go_back(self, name: str) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.outside / name, self.root)


def contents(root: Path) -> dict[str, str]:
    """What every file holds."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_file() and not any(part in LEFT_OUT for part in path.relative_to(root).parts):
            found[name] = hashlib.sha256(_content(path)).hexdigest()
    return found


def _content(path: Path) -> bytes:
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            parts: list[bytes] = []
            file.visititems(lambda name, item: parts.append(item[()].tobytes() if isinstance(item, h5py.Dataset) else name.encode()))  # fmt: skip
            return b"".join(parts)
    if path.name == ".zarray":
        # Blosc's threads write the blocks of a chunk in any order.
        return np.asarray(zarr.open_array(str(path.parent), mode="r")).tobytes()
    if CHUNK.fullmatch(path.name) or path.name == CHECKSUMS:
        return b""
    if path.name == "log.csv":
        # Without the speed.
        return "\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()).encode()
    if path.suffix == ".hdf":
        with h5py.File(path) as file:
            return b"".join(item[()].tobytes() for item in file["volumes"].values())
    if path.name == "network.json":
        # Without the checksum of network.txt, and so of the rest.
        return json.dumps({**json.loads(path.read_text()), "text": None, "sha256": None}).encode()
    # The checksum of a checkpoint, in which there is the time.
    return path.read_bytes() if path.name != ".zattrs" and path.suffix != ".toml" else CHECKSUM.sub(b"", path.read_bytes())  # fmt: skip


def sweep(folder: Path, stages: list[str], attempts: int) -> None:
    """Run each stage undisturbed, and, if it is among `stages`, on a full disk and once more with space."""
    disk, rng = Disk(folder), random.Random(0)
    for stage in STAGES[: 1 + max(map(STAGES.index, stages))]:
        before = disk.used()
        disk.keep(f"before {stage}")
        status, error = disk.run(stage)
        assert (status, error) == (0, ""), (stage, status, error)
        needs, expected = disk.used() - before, contents(disk.root)
        disk.keep(f"after {stage}")
        failed = 0
        for attempt in range(attempts if stage in stages else 0):
            disk.go_back(f"before {stage}")
            free = (0, RECORDS)[attempt] if attempt < 2 else RECORDS + rng.randrange(max(needs, 2) - 1)
            kept = contents(disk.root)
            with disk.nearly_full(free):
                status, error = disk.run(stage)
                left = [path for path in disk.root.rglob(".*") if path.name.startswith((".tmp-", ".old-", ".lock"))]
            print(f"{stage}, {free} bytes free of {needs}: {status} {error.strip()}")
            failed += status != 0
            assert status in (0, 2), (stage, free, error)
            assert status == 0 or ("the disk is full" in error and len(error.splitlines()) == 1), (stage, free, error)
            assert not left, (stage, free, left)
            lost = {name for name in kept if not (disk.root / name).exists()}
            assert not lost, (stage, free, lost)
            status, error = disk.run(stage)
            assert (status, error) == (0, ""), (stage, free, status, error)
            now = contents(disk.root)
            assert now == expected, (stage, free, {name for name in now | expected if now.get(name) != expected.get(name)})  # fmt: skip
        assert failed or stage not in stages, stage
        disk.go_back(f"after {stage}")


if __name__ == "__main__":
    sweep(Path(sys.argv[1]), sys.argv[3:] or [*STAGES], int(sys.argv[2]))
