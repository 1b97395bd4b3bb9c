import subprocess
from pathlib import Path

import pytest

import auxcpvloss
from auxcpvloss.experiment.provenance.surroundings import PACKAGE, code_version, git_version, sources_checksum

ROOT = Path(__file__).parents[3]


def git(repository: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", "-C", str(repository), *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "auxcpvloss").mkdir(parents=True)
    (folder / "auxcpvloss" / "a.py").write_text("A = 1\n")
    (folder / "notes.txt").write_text("one\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    # What a checkout lacks: git refuses paths that it does not know.
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_a_clean_checkout_is_its_commit(repository):
    (repository / "notes.txt").write_text("two\n")
    assert git_version(repository) == {"commit": git(repository, "rev-parse", "HEAD"), "modified": []}


def test_what_was_changed_is_told(repository, monkeypatch):
    # As set by git while it runs a hook.
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    (repository / "auxcpvloss" / "a.py").write_text("A = 2\n")
    (repository / "auxcpvloss" / "b.py").write_text("B = 1\n")
    one = git_version(repository)
    assert one is not None
    assert one["modified"] == ["auxcpvloss/a.py", "auxcpvloss/b.py"]
    (repository / "auxcpvloss" / "a.py").write_text("A = 3\n")
    other = git_version(repository)
    assert other is not None
    assert one["diff"] != other["diff"]
    assert one["commit"] == other["commit"]


def test_a_repository_around_the_folder_is_not_its_own(repository):
    (repository / "site-packages").mkdir()
    assert git_version(repository / "site-packages") is None


def test_without_git_there_is_still_the_checksum_of_the_sources(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert git_version(ROOT) is None
    assert code_version.__wrapped__() == {"version": auxcpvloss.__version__, "sources": sources_checksum(PACKAGE)}


def test_the_checksum_follows_names_and_contents(repository):
    package = repository / "auxcpvloss"
    sums = [sources_checksum(package)]
    (package / "a.py").write_text("A = 2\n")
    sums.append(sources_checksum(package))
    (package / "a.py").rename(package / "c.py")
    sums.append(sources_checksum(package))
    assert len(set(sums)) == 3
