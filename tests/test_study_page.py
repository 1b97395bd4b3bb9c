"""The page of all studies: its numbers are those of the records."""

import json
import re
import runpy
from itertools import product
from pathlib import Path

import pytest
from study import page
from study.page import commands_of, cost_of, write_page
from study.plan import StudyError
from study.scores import METRICS
from study.table import table_of

from tests.studies import record, write_study

PNG = b"\x89PNG"
VARIANTS = """
[variants.a]
about = "as it is"
[variants.b]
about = "with more"
[variants.c]
about = "thresholds only"
training_of = "a"
"""
RECORDS = [
    record("a", 1, 1, minutes=10.0, A1=0.4, A2=0.4),
    record("a", 2, 1, minutes=20.0, B1=0.6),
    record("b", 1, 1, minutes=30.0, A1=0.5, A2=0.7),
    record("b", 2, 1, minutes=40.0, B1=0.7),
    record("b", 2, 2, minutes=80.0, B1=0.0),
    record("c", 1, 1, minutes=10.0, A1=0.4, A2=0.4),
]


@pytest.fixture
def page_of(tmp_path, monkeypatch):
    """Write the page of a study of this text, with these records, and read it."""

    def written(text, records):
        study = write_study(tmp_path, monkeypatch, text)
        (tmp_path / "results").mkdir(exist_ok=True)
        if records is not None:
            (tmp_path / "results" / "s.json").write_text(json.dumps(records), encoding="utf-8")
        write_page([study], tmp_path)
        return (tmp_path / "results.md").read_text(encoding="utf-8")

    return written


def cells(text, name):
    """Read the rows that begin with this name, without it."""
    return [[cell.strip() for cell in row.split("|")[2:-1]] for row in re.findall(rf"(?m)^\| {name}[:` ].*$", text)]


def test_a_page_has_differences_intervals_headings_and_groups(page_of, tmp_path):
    keys = 'by_group = true\nmetrics = ["avAP", "AP_0.7"]\nabout = "Of letters."\nfindings = ["More is more.", "Or not."]\n'
    text = page_of(keys + 'cost = "on one core"\nheadings = { Sizes = ["b"], Empty = [] }\n' + VARIANTS, RECORDS)
    assert "## Letters\n\nOf letters.\n\n- More is more.\n- Or not.\n\n|" in text
    first, second, by_group = cells(text, "`b`")
    # A: 0.6 - 0.4, B: 0.7 - 0.6 (the run of seed 2 has no counterpart); t of one degree of freedom: 12.706.
    compared = ["`a`", "+0.150 (-0.485 to +0.785)", "0.500", "2", "3", "50.0"]
    assert first == ["0.475", "0.475", "0.475", *compared]
    assert second == ["0.475"] * 4 + compared
    assert by_group == ["0.600", "0.350", "0.475"]
    assert cells(text, "`a`")[0] == ["0.467", "0.467", "0.467", "", "", "", "", "2", "15.0"]
    assert cells(text, "`c`")[0][3:7] == ["`a`", "+0.000", "", "1"]  # one group: no interval
    names = re.findall(r"(?m)^\| (\*\*\w+\*\*|`\w`)", text)
    assert names == ["`a`", "`c`", "**Sizes**", "`b`"] * 3
    assert "Cost: 6 runs; 5 trainings of 3.0 hours in all, on one core." in text
    assert (tmp_path / "results" / "s.png").read_bytes().startswith(PNG)
    assert "(results/s.png)" in text
    for row in re.findall(r"(?m)^\|.*$", text.split("## Elsewhere")[0]):
        assert row.count("|") in (5, 11, 12)


def test_a_model_of_points_is_compared_by_detection_alone(page_of):
    points = record("b", 1, 1, A1=0.9, A2=0.9), record("b", 2, 1, B1=0.9)
    for each in points:
        for volume in each["scores"]:
            each["scores"][volume] = {"detection_AP": 0.9}
    text = page_of('metrics = ["avAP", "detection_AP"]\nby_group = true\n' + VARIANTS, [*RECORDS[:2], *points])
    first, second, by_group = cells(text, "`b`")
    assert first == ["", "", "0.900", "", "", "", "", "2", "1.0"]
    assert second[2:5] == ["0.900", "`a`", "+0.400 (-0.871 to +1.671)"]
    assert by_group == ["", "", ""]


def test_a_study_without_words_has_its_table_alone(page_of, tmp_path):
    text = page_of(VARIANTS, [record("a", 1, 1, A1=0.4)])
    assert "## Letters\n\n|  | AP 0.5 |" in text
    assert "Cost: 1 run; 1 training of 1 minutes in all." in text
    assert not (tmp_path / "results" / "s.png").exists()
    assert "![Letters" not in text


def test_a_page_without_records_names_what_was_not_run(page_of):
    for records in (None, []):
        text = page_of(VARIANTS, records)
        assert "Not run yet: Letters (`python scripts/study.py s`)." in text
        assert "## Letters" not in text
        assert "\n## Elsewhere" in text


def test_the_command_writes_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "DOCS", tmp_path)
    main = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "study.py"))["main"]
    assert main(["--page"]) == 0
    # A title may be wrapped.
    assert "One factor at a time" in " ".join((tmp_path / "results.md").read_text(encoding="utf-8").split())
    for wrong in (["--page", "embryos"], []):
        with pytest.raises(SystemExit):
            main(wrong)


def test_commands_make_what_is_kept(tmp_path, monkeypatch):
    study = write_study(tmp_path, monkeypatch, VARIANTS)
    found = commands_of(study, RECORDS)
    assert found == [
        "python scripts/study.py s --variants a b --seeds 1",
        "python scripts/study.py s --variants b --folds 2 --seeds 2",
        "python scripts/study.py s --variants c --folds 1 --seeds 1",
    ]
    everything = [record(name, fold, seed, A1=0.1) for name, fold, seed in product("abc", (1, 2), (3, 4))]
    assert commands_of(study, everything) == ["python scripts/study.py s --seeds 3 4"]
    assert cost_of(study, everything) == "Cost: 12 runs; 8 trainings of 8 minutes in all."


def test_another_score_may_be_compared(tmp_path, monkeypatch):
    study = write_study(tmp_path, monkeypatch, VARIANTS)
    records = json.loads(json.dumps(RECORDS))
    records[2]["scores"]["A1"]["AP_0.9"] = 0.1
    assert cells(table_of(study, records, "AP_0.9"), "`b`")[0][5].startswith("+0.050 (")
    assert cells(table_of(study, records), "`b`")[0][4].startswith("+0.150 (")
    assert "AP_0.9" in METRICS


def test_a_range_is_that_of_seeds_with_all_folds(tmp_path, monkeypatch):
    study = write_study(tmp_path, monkeypatch, VARIANTS)
    records = [record("a", fold, seed, A1=seed / 10) for fold, seed in product((1, 2), (1, 2))]
    assert cells(table_of(study, records), "`a`")[0][0] == "0.150 (0.100 to 0.200)"
    assert cells(table_of(study, [*records, record("a", 1, 9, A1=0.9)]), "`a`")[0][0] == "0.300 (0.100 to 0.200)"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ('headings = { One = ["a", "b"], Two = ["b"] }', "headings: b"),
        ('headings = { One = ["z"] }', "headings: z"),
        ('metrics = ["AP"]', r"metrics: AP: choose from AP_0\.1"),
    ],
)
def test_what_a_study_cannot_mean_is_refused(tmp_path, monkeypatch, key, message):
    with pytest.raises(StudyError, match=message):
        write_study(tmp_path, monkeypatch, f"{key}\n{VARIANTS}")
