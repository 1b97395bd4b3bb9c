"""Which code runs: of this package, and of the libraries."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import auxcpvloss

PACKAGE = Path(auxcpvloss.__file__).parent
CODE = ("auxcpvloss", "config", "run_auxcpvloss.py")
"""What of the checkout a run depends on."""

REQUIRED = (
    "tensorflow", "keras", "gunpowder", "zarr", "h5py", "numpy", "scipy", "scikit-image", "mahotas", "edt", "toml",
    "pydantic", "rich", "tifffile", "imagecodecs", "matplotlib", "Jinja2", "tensorboard",
)  # fmt: skip
"""The libraries that the package imports."""

SECONDS = 20
"""git on a slow file system; nobody should wait longer for that."""


@cache
def code_version() -> dict[str, Any]:
    """Version of the package, sha256 of its sources and, in a checkout, what git says of it."""
    found: dict[str, Any] = {"version": auxcpvloss.__version__, "sources": sources_checksum(PACKAGE)}
    git = git_version(PACKAGE.parent)
    return found if git is None else {**found, "git": git}


def sources_checksum(package: Path) -> str:
    """Sha256, in hex, over the names and contents of all files of a folder, but for what Python compiled."""
    whole = sha256()
    for path in sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        digest = sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(package).as_posix()}\0{digest}\n".encode())
    return whole.hexdigest()


def git_version(repository: Path) -> dict[str, Any] | None:
    """Commit of a repository, which files of the program differ from it, and the sha256 of that difference.

    Returns
    -------
    dict or None
        ``commit``, ``modified`` (paths, also of files that git does not know) and, if there are any, ``diff``; None
        where the folder is not the top of a repository of its own, or git does not answer.
    """
    # A folder somewhere inside another repository has nothing to do with that one's commits.
    if not (repository / ".git").exists():
        return None
    try:
        commit = _git(repository, "rev-parse", "HEAD").decode().strip()
        status = _git(repository, "status", "--porcelain", "-z", "--no-renames", "--", *CODE).decode(errors="replace")
        modified = sorted(entry[3:] for entry in status.split("\0") if entry)
        diff = _git(repository, "diff", "--binary", "--no-ext-diff", "HEAD", "--", *CODE) if modified else b""
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "modified": modified, **({"diff": sha256(diff).hexdigest()} if modified else {})}


def _git(repository: Path, *arguments: str) -> bytes:
    # Variables such as GIT_DIR, set while git runs a hook, would name another repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=SECONDS, env=environment).stdout


@cache
def libraries() -> dict[str, str]:
    """Versions of all libraries that are installed, by name."""
    # Of several on the path the first one is imported.
    found: dict[str, str] = {}
    for distribution in distributions():
        if name := distribution.metadata["Name"]:
            found.setdefault(name, distribution.version)
    return dict(sorted(found.items()))
