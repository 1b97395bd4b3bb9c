import importlib
import json
import tomllib
from pathlib import Path

import pytest
from bench import page
from bench.measure import Call, Figures, MeasurementError, Options, Side, figure, in_turn, ratio, stopwatch
from bench.suite import NAMES, as_json

SCRIPTS = Path(__file__).parents[1] / "scripts"
MIB = 2**20


def hold(mebibytes: int) -> Figures:
    freed = bytearray(200 * MIB)
    del freed
    with stopwatch() as figures:
        held = bytearray(mebibytes * MIB)
        held[::4096] = b"1" * len(held[::4096])
    return figures


def fail() -> Figures:
    raise ValueError("a reason")


def test_page_fits_the_results():
    assert page.PAGE.read_text(encoding="utf-8") == page.text(page.RESULTS), "run scripts/bench.py --page"


def test_every_result_is_that_of_a_full_run():
    for file in page.RESULTS.glob("*.json"):
        assert file.stem in NAMES
        assert not json.loads(file.read_text(encoding="utf-8"))["quick"]


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_says_what_it_is_and_takes(name):
    module = importlib.import_module(f"bench.{name}")
    assert page.title_of(module)
    assert module.DURATION
    assert callable(module.measure)


def test_thresholds_are_of_benchmarks_and_are_limits():
    for row, limits in tomllib.loads((SCRIPTS / "bench/thresholds.toml").read_text(encoding="utf-8")).items():
        assert row.split(".")[0] in NAMES
        assert limits.keys() <= {"at_least", "at_most"}


def test_each_measurement_has_the_peak_of_its_own_block():
    small, large = in_turn(Call(hold, {"mebibytes": 20}), Call(hold, {"mebibytes": 100}), Options(pairs=2))
    for side, size in ((small, 20), (large, 100)):
        assert len(side.figures) == 2
        for figures in side.figures:
            assert size <= (figures["peak_bytes"] - figures["bytes_before"]) / MIB < size + 10


def test_output_of_a_failed_measurement_is_shown():
    with pytest.raises(MeasurementError, match="a reason"):
        Call(fail).run()


def test_ratio_is_the_median_over_pairs_with_its_range():
    sides = [Side("ours", [{"seconds": s} for s in (1, 2, 4)]), Side("theirs", [{"seconds": s} for s in (8, 8, 8)])]
    row = ratio("a.b", "what", sides, at_least=5)
    assert (row.value, row.low, row.high, row.count) == (4, 2, 8, 3)
    assert not row.is_reached
    assert [side["seconds"] for side in row.sides] == [2, 8]


def test_result_makes_a_section_of_the_page(tmp_path):
    rows = [figure("label.x", "memory", [1.0, 3.0, 2.0], "bytes a voxel", at_most=16)]
    machine = {"processor": "P", "cores": 2, "instruction_sets": "AVX2", "memory_gib": 1, "onednn": "on"}
    machine |= {"commit": "c", "versions": {"numpy": "2"}}
    (tmp_path / "label.json").write_text(as_json("label", rows, Options(), machine, 60), encoding="utf-8")
    text = page.text(tmp_path)
    assert "| memory | 2.00 bytes a voxel | 1.00 to 3.00 | at most 16: reached |  |  |" in text
    assert "Not measured yet: segment" in text


def test_quick_run_names_values_beyond_their_thresholds(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("runner", SCRIPTS / "bench.py")
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    monkeypatch.setattr(runner, "THRESHOLDS", tmp_path / "thresholds.toml")
    runner.THRESHOLDS.write_text('["a.slow"]\nat_least = 2\n["a.large"]\nat_most = 1\n["a.good"]\nat_least = 2\n')
    rows = [figure("a.slow", "", [1.5]), figure("a.large", "", [1.5]), figure("a.good", "", [2.5])]
    assert [line.split(":")[0] for line in runner.regressions(rows)] == ["a.slow", "a.large"]
