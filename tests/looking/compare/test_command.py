import json
from pathlib import Path

import pytest

from auxcpvloss.cli import main
from auxcpvloss.looking.compare.comparison import compare
from auxcpvloss.looking.compare.drawing import draw_scores
from auxcpvloss.looking.compare.reading import read_run
from tests.looking.compare.experiments import VOLUMES, write_experiment


def folders(root: Path) -> list[str]:
    return sorted(str(folder) for folder in root.iterdir() if (folder / "config.toml").is_file())


@pytest.fixture(scope="module")
def compared(two_methods, tmp_path_factory) -> Path:
    """The folder of a comparison; not to be written to."""
    out = tmp_path_factory.mktemp("compared") / "out"
    assert main(["compare", *folders(two_methods), "-o", str(out)]) == 0
    return out


def refused(capsys, *arguments: str | Path) -> str:
    """The one message of a command that is refused."""
    assert main(["compare", *map(str, arguments)]) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "Traceback" not in seen.err
    return seen.err


# What it writes.
def test_everything_is_written_beside_the_experiments(compared):
    names = {path.name for path in compared.iterdir()}
    tables = {f"{name}.{kind}" for name in ("summary", "pooled_f1", "table_1", "table_2", "table_3", "table_5") for kind in ("csv", "md", "tex")}  # fmt: skip
    figures = {f"figure_{number}.{kind}" for number in (3, 4) for kind in ("png", "pdf")}
    assert names == {"comparison.json", "comparison.md", "report.html", "scores.csv", "verdicts.csv"} | tables | figures
    record = json.loads((compared / "comparison.json").read_text())
    assert set(record["files"]) == names
    assert [[run["seed"] for run in group["runs"]] for group in record["groups"]] == [[1, 2, 3]] * 2
    assert record["verdicts"][0]["word"] == "better"
    assert "is better than threeclass by avAP" in (compared / "report.html").read_text()
    assert not [path for path in compared.parent.iterdir() if path != compared]


def test_the_verdict_comes_first_then_the_scores(two_methods, tmp_path, capsys):
    # By hand: the runs of one method in two groups. It lies beside the experiments if nothing else is said.
    write_experiment(tmp_path, "one", "sdt", VOLUMES)
    write_experiment(tmp_path, "two", "sdt", VOLUMES, seed=2)
    assert main(["compare", f"small={tmp_path / 'one'}", f"big={tmp_path / 'two'}"]) == 0
    out = capsys.readouterr().out
    assert out.index("big and small are not distinguishable") < out.index("Scores, mean of 3 test volumes")
    assert "0.700" in out
    assert "figures 5 and 6 are omitted because volumes or results are missing" in out
    assert (tmp_path / "comparison" / "table_1.csv").is_file()
    first = (tmp_path / "comparison" / "verdicts.csv").read_bytes()
    # Once more, now with one experiment: what was there is replaced, but for what others have put there.
    assert main(["compare", str(tmp_path / "two")]) == 0
    assert (tmp_path / "comparison" / "verdicts.csv").read_bytes() != first
    (tmp_path / "comparison" / "notes.txt").write_text("mine")
    capsys.readouterr()
    message = refused(capsys, tmp_path / "one")
    assert "comparison: contains other files: notes.txt. Choose another folder with -o" in message
    assert (tmp_path / "comparison" / "notes.txt").read_text() == "mine"


def test_the_default_place_is_beside_the_name_and_not_where_a_link_leads(tmp_path, capsys, monkeypatch):
    elsewhere = write_experiment(tmp_path / "storage", "one", "sdt", VOLUMES)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "one").symlink_to(elsewhere)
    monkeypatch.chdir(tmp_path / "experiments")
    assert main(["compare", "one"]) == 0
    assert (tmp_path / "experiments" / "comparison" / "table_1.csv").is_file()
    assert not (tmp_path / "storage" / "comparison").exists()


# Figures.
def test_curves_are_means_over_volumes_and_those_of_the_paper(two_methods):
    comparison = compare([(None, read_run(Path(folder))) for folder in folders(two_methods)])
    drawn = {each.name: each.figure for each in draw_scores(comparison, with_paper=True)}
    lines = [line for ax in drawn["figure_3"].axes for line in ax.lines]
    mean = comparison.groups[1].scores("confusion_matrix.th_0_5.AP").mean()
    assert any(line.get_ydata() == pytest.approx([mean] * 9) for line in lines)
    paper = [0.937, 0.930, 0.907, 0.848, 0.750, 0.641, 0.473, 0.224, 0.035]
    assert [list(line.get_ydata()) for line in lines].count(paper) == 1
    without = next(draw_scores(comparison, with_paper=False)).figure
    assert paper not in [list(line.get_ydata()) for ax in without.axes for line in ax.lines]
    boxes = drawn["figure_4"].axes[0]
    assert any(list(line.get_ydata()) == [0.909, 0.909] for line in boxes.lines)


# What is refused; nothing is written.
def test_bad_folders(two_methods, tmp_path, capsys):
    assert "none: no such folder" in refused(capsys, tmp_path / "none")
    assert "not an experiment: it contains no config.toml" in refused(capsys, tmp_path)
    one = two_methods / "threeclass_seed1"
    assert "threeclass_seed1: given 2 times; give each experiment once" in refused(capsys, one, one / ".." / one.name)
    assert "the name of a group" in refused(capsys, f"a/b={one}")
    (tmp_path / "file").touch()
    assert "file: is a file; name a folder with -o" in refused(capsys, one, "-o", tmp_path / "file")
    assert "contains other files: file" in refused(capsys, one, "-o", tmp_path)
    (tmp_path / "comparison.json").write_text("[")
    assert "contains other files: comparison.json, file" in refused(capsys, one, "-o", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison.json", "file"]
    assert "comparison" not in {path.name for path in two_methods.iterdir()}


def test_runs_that_cannot_be_compared(tmp_path, capsys):
    one = write_experiment(tmp_path, "one", "sdt", VOLUMES)
    other = write_experiment(tmp_path, "other", "sdt", {"worm_1": 0.5}, seed=2)
    message = refused(capsys, one, other)
    assert f"{other}: scored on other test volumes than {one}: only in one: worm_2, worm_3." in message
    points = write_experiment(tmp_path, "points", "sdt", VOLUMES, seed=2, evaluation={"detection": "greedy"})
    assert 'detection is "hoefener" and "greedy"' in refused(capsys, one, points)
    (one / "val" / "selection.toml").write_text("checkpoint = ")
    assert "selection.toml: damaged" in refused(capsys, one, points)
    assert not (tmp_path / "comparison").exists()


def test_help_names_the_command(capsys):
    for arguments, words in ((["--help"], "auxcpvloss compare FOLDER"), (["compare", "--help"], "NAME=FOLDER")):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0
        assert words in capsys.readouterr().out
