"""Which code runs: this package and its libraries."""

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
"""The parts of the checkout that a run depends on."""
SECONDS = 20
"""Limit for git, which may be slow on network file systems."""


@cache
def code_version() -> dict[str, Any]:
    """Return the version of the package, the sha256 of its sources and, in a checkout, the state of its repository."""
    found: dict[str, Any] = {"version": auxcpvloss.__version__, "sources": sources_checksum(PACKAGE)}
    git = git_version(PACKAGE.parent)
    return found if git is None else {**found, "git": git}


def sources_checksum(package: Path) -> str:
    """Return the sha256, in hex, of the names and contents of all files in a folder except compiled Python."""
    whole = sha256()
    for path in sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        digest = sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(package).as_posix()}\0{digest}\n".encode())
    return whole.hexdigest()


def git_version(repository: Path) -> dict[str, Any] | None:
    """Return the commit of a repository and how the program's files differ from it.

    Returns
    -------
    dict or None
        ``commit``, ``modified`` (paths, including untracked files) and, if there are any, ``diff`` (sha256 of git's
        diff). None if the folder is not the top of a repository, or if git fails.
    """
    # A folder inside another repository has nothing to do with that repository's commits.
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
    # GIT_DIR and its like, which git sets for hooks, would select another repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=SECONDS, env=environment).stdout


@cache
def libraries() -> dict[str, str]:
    """Return the versions of all installed libraries, by name."""
    # Python imports the first of several on the path.
    found: dict[str, str] = {}
    for distribution in distributions():
        if name := distribution.metadata["Name"]:
            found.setdefault(name, distribution.version)
    return dict(sorted(found.items()))
