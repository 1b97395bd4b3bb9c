"""Where the files of a sample lie, `<name>.zarr` and `<name>.csv`, and those of its versions."""

from __future__ import annotations

from pathlib import Path


def versions(path: Path) -> dict[int, Path]:
    """Give the folders of a sample by number: its own, 0, and those made while others were being read."""
    found = version_path(path, 1).parent.glob(f"[0-9]*{path.suffix}")
    own = {0: path} if path.exists() else {}
    return own | {int(each.stem): each for each in found if each.stem.isdecimal()}


def version_path(path: Path, number: int) -> Path:
    """Place of one of the `versions` of a sample."""
    return path.with_name(f".versions.{path.stem}") / f"{number}{path.suffix}" if number else path


def table_path(path: Path) -> Path:
    """Path of the table of centers beside a sample."""
    return path.with_suffix(".csv")
