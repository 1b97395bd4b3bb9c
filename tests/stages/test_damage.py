"""A failing disk: bits that flip, and files that are lost, are told by the stages; none gives other numbers silently.

    pytest -m chaos tests/stages/test_damage.py -s

prints the tables, in some 20 minutes on two cores. DAMAGE_FLIPS chooses how many bits of each kind of file are flipped.
"""

import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import toml

from auxcpvloss.cli import main
from tests.damage import SILENT, Readers, flips, table
from tests.results import differences, results
from tests.test_chaos import CONFIG

FLIPS, SEED = int(os.environ.get("DAMAGE_FLIPS", "150")), int(os.environ.get("CHAOS_SEED", "1"))
EXTRA = ("export",)
OF_THE_TRAINING = "fg_thresh_0.95"
"""In the names of what the training scored itself by, of which validation.csv holds the numbers."""
LOST = ("train/log.csv", "train/validation.csv", "train/tensorboard/", "train/snapshots/", "run.log", "provenance.json")
"""What cannot be made again, or not as it was, without a new training or another command; it is told."""


def test_a_few_flipped_bits_are_noticed(every_stage, tmp_path):
    shutil.copytree(every_stage / "root", tmp_path / "root")
    found = flips(tmp_path / "root", "e", 3, SEED)
    assert len(found) > 18
    assert not any(counts[SILENT] for counts in found.values()), table(found)


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> Path:
    """A folder with chain.toml and root/, in that an experiment whose network has learned something."""
    folder: Path = tmp_path_factory.mktemp("damage")
    (folder / "chain.toml").write_text(toml.dumps(CONFIG))
    assert command(folder, "all", *EXTRA) == 0
    return folder


def command(folder: Path, *stages: str) -> int:
    return main(["-c", str(folder / "chain.toml"), "-r", str(folder / "root"), "-d", *stages])


@pytest.mark.chaos
def test_flipped_bits_of_every_kind_of_file_are_noticed(chain, tmp_path):
    shutil.copytree(chain / "root", tmp_path / "root")
    assert all(Readers(tmp_path / "root", "chain").files.values())
    found = flips(tmp_path / "root", "chain", FLIPS, SEED)
    print(f"\n{table(found)}")
    assert not any(counts[SILENT] for counts in found.values())


@pytest.mark.chaos
def test_each_lost_file_is_told_and_made_again(chain, tmp_path, capfd):
    """As it was; what cannot be is told by status for good. Of the chunks of an array, which are alike, the first."""
    folder, outcomes, silent, whole = tmp_path / "folder", Counter[str](), [], ""
    files = sorted(path.relative_to(chain) for path in (chain / "root").rglob("*") if path.is_file())
    chunk = re.compile(r"(.*zarr/.*)/[\d./]+")
    alike = {found[1] if (found := chunk.fullmatch(str(name))) else str(name): name for name in reversed(files)}
    expected = results(chain / "root")
    for name in (name for name in alike.values() if OF_THE_TRAINING not in str(name)):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(chain, folder)
        whole = whole or status_of(folder, capfd)
        (folder / name).unlink()
        is_told = status_of(folder, capfd) != whole
        assert command(folder, "all", *EXTRA) == 0, name
        is_again = (folder / name).is_file() and not differences(expected, results(folder / "root"))
        is_said = any(each in str(name) for each in LOST) or name.name in "".join("".join(capfd.readouterr()).split())
        outcome = "told and made again" if is_again else "told to be lost" if is_said else "silent"
        outcomes[outcome if is_told else "silent"] += 1
        with capfd.disabled():
            print(f"{name}: {outcome if is_told else 'silent'}", flush=True)
        silent += [name] if outcome == "silent" or not is_told else []
    with capfd.disabled():
        print(f"\n{len(alike)} kinds of files, of {len(files)}, lost in turn: {dict(outcomes)}")
    assert not silent


def status_of(folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    capfd.readouterr()
    assert command(folder, "status") == 0
    return capfd.readouterr().out
