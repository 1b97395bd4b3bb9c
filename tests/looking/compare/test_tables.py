import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from auxcpvloss.looking.compare import reference
from auxcpvloss.looking.compare.comparison import RunComparison, compare
from auxcpvloss.looking.compare.output import write_comparison
from auxcpvloss.looking.compare.reading import read_run
from auxcpvloss.looking.compare.runs import AP
from auxcpvloss.looking.compare.selected import selection_tables
from auxcpvloss.looking.compare.tables import table_3
from auxcpvloss.looking.compare.verdicts import make_verdicts
from auxcpvloss.looking.compare.writing import (
    FORMATS,
    as_csv,
    as_latex,
    as_markdown,
    document,
    scores_as_csv,
    verdicts_as_csv,
)
from auxcpvloss.looking.table import PaperTable
from auxcpvloss.metrics import Comparison
from auxcpvloss.metrics.table import as_table
from tests.looking.compare.experiments import VOLUMES, write_experiment, write_runs


@pytest.fixture(scope="module")
def comparison(two_methods) -> RunComparison:
    return compare([(None, read_run(folder)) for folder in sorted(two_methods.iterdir())])


def table(comparison: RunComparison, name: str) -> PaperTable:
    (found,) = [each for each in comparison.tables if each.name == name]
    return found


def rows(found: PaperTable) -> dict[tuple, list]:
    """Numbers of a table, by model and statistic."""
    return {row[:2]: list(row[2:]) for row in found.data.itertuples(index=False, name=None)}


# What they show.
def test_tables_are_those_that_the_runs_fill(comparison):
    assert [each.name for each in comparison.tables] == [
        "summary",
        "pooled_f1",
        "table_1",
        "table_2",
        "table_3",
        "table_5",
    ]
    assert [group.name for group in comparison.groups] == ["threeclass", "threeclass_cpv"]
    assert (comparison.volumes, comparison.remarks) == (tuple(VOLUMES), ())


def test_segmentation_mean_range_interval_and_the_paper(comparison):
    found = rows(table(comparison, "table_1"))
    scores = comparison.groups[0].scores(AP[0.5])
    assert found["threeclass", "mean"] == pytest.approx([scores.mean()] * 10)
    assert found["threeclass", "worst_run"] == pytest.approx([scores.mean(axis=1).min()] * 10)
    assert found["threeclass", "best_run"] == pytest.approx([scores.mean(axis=1).max()] * 10)
    low, high = found["threeclass", "interval_low"][0], found["threeclass", "interval_high"][0]
    # As far as volumes that differ this much let it be.
    assert scores.mean() - 0.1 < low < scores.mean() - 0.03
    assert scores.mean() + 0.03 < high < scores.mean() + 0.1
    assert found["threeclass_cpv", "paper"] == [0.638, 0.937, 0.930, 0.907, 0.848, 0.750, 0.641, 0.473, 0.224, 0.035]
    assert found["stardist_3d", "paper"][:2] == [0.628, 0.936]
    shown = table(comparison, "table_1")
    assert shown.columns[2:4] == ("avAP", "AP 0.1")
    assert shown.rows[0][:3] == ("threeclass", "mean", f"{scores.mean():.3f}")
    assert [row[1] for row in shown.rows[:4]] == ["mean", "range of runs", "95 % interval", "paper (L1)"]
    assert "other volumes" in shown.note
    assert shown.heading == "Table 1. Segmentation: AP at IoU above"


def test_the_counts_of_all_volumes_make_one_f1(comparison):
    found = table(comparison, "pooled_f1")
    assert found.columns[3:] == ("F1 0.5", "F1 0.6", "F1 0.7", "F1 0.8", "F1 0.9")
    by_run = []
    for run in comparison.groups[0].runs:
        counts = [run.scores[name]["confusion_matrix"]["th_0_7"] for name in VOLUMES]
        tp, wrong = (sum(each[key] for each in counts for key in keys) for keys in (["TP"], ["FP", "FN"]))
        by_run.append(2 * tp / (2 * tp + wrong))
    numbers = rows(found)
    assert numbers["threeclass", "mean"][2] == pytest.approx(np.mean(by_run))
    assert numbers["threeclass", "worst_run"][2] == pytest.approx(min(by_run))
    assert found.rows[1][3 + 2] == f"{min(by_run):.3f}–{max(by_run):.3f}"


def test_f1_has_ten_thresholds_where_all_runs_have_them(tmp_path):
    labels = np.zeros((1, 30, 30), int)
    labels[0, 5:15, 5:15], labels[0, 20:28, 20:28] = 1, 2
    runs = [read_run(write_experiment(tmp_path, name, method, {"a": 0.5})) for name, method in (("x", "sdt"), ("y", "gauss"))]  # fmt: skip
    assert len(table(compare([(None, run) for run in runs]), "pooled_f1").rows) == 1
    more = as_table(Comparison(np.roll(labels, 1, 2), labels), ["f1"])["f1"]
    runs = [replace(runs[0], scores={"a": {**runs[0].scores["a"], "f1": more}}), runs[1]]
    (row,) = table(compare([(None, run) for run in runs]), "pooled_f1").rows
    # 90 of 110 and 56 of 72 pixels.
    assert row[:3] == ("sdt", "1", "mean")
    assert row[3:] == ("1.000",) * 6 + ("0.500",) + ("0.000",) * 3 + ("0.650",)


def test_detection_beside_segmentation(comparison):
    found = rows(table(comparison, "table_2"))
    detection = comparison.groups[1].scores("confusion_matrix.hoefener.AP").mean()
    assert found["detection AP", "mean"][1] == pytest.approx(detection)
    assert found["segmentation AP 0.3", "mean"][1] == pytest.approx(detection - 0.05)
    # Validated on segmentation, which the paper has in its third table only.
    assert found["detection AP", "paper"] == [0.896, 0.909]
    assert found["segmentation AP 0.3", "paper"] == [0.892, 0.907]


def test_the_summary_has_a_line_a_model(comparison):
    found = table(comparison, "summary")
    assert [row[:2] for row in found.rows] == [("threeclass", "3"), ("threeclass_cpv", "3")]
    assert found.columns[:6] == ("model", "runs", "avAP", "range", "95 %", "AP 0.5")
    assert "AP_0.5_interval_low" in found.data
    assert re.fullmatch(r"0\.\d{3}–0\.\d{3}", found.rows[0][3])


def test_one_run_has_no_range_and_no_interval(tmp_path):
    only = compare([(None, read_run(write_experiment(tmp_path, "a", "sdt", VOLUMES)))])
    assert table(only, "summary").rows[0][2:5] == ("0.700", None, None)
    assert [row[1] for row in table(only, "table_1").rows] == ["mean", "paper (L1)", "paper (L1)"]
    assert only.verdicts == ()


def test_validated_on_and_seeds_are_rows_of_the_third_table(tmp_path):
    def run(name: str, method: str, ap: float, **config):
        return None, read_run(write_experiment(tmp_path, name, method, {"a": ap}, **config))

    detection, seeds = {"evaluation": {"do_detection": True}}, {"postprocessing": {"use_cpv_for_seeds": True}}
    runs = [run("a", "sdt", 0.5), run("b", "sdt_cpv", 0.6), run("c", "sdt_cpv", 0.7, **seeds), run("d", "sdt_cpv", 0.8, **detection), run("e", "gauss", 0.9)]  # fmt: skip
    found = table_3(compare(runs).groups)
    assert found.columns == ("score", "validated on", "seeds", "", "sdt", "sdt_cpv", "gauss")
    means = {row[:3]: row[4:] for row in found.data.itertuples(index=False, name=None) if row[3] == "mean"}
    assert means == {
        ("segmentation AP 0.5", "segmentation", "main"): (0.5, 0.6, None),
        ("segmentation AP 0.5", "segmentation", "cpv"): (None, 0.7, None),
        ("segmentation AP 0.5", "detection", "main"): (None, 0.8, None),
        ("detection AP", "segmentation", "main"): pytest.approx((0.55, 0.65, None)),
        ("detection AP", "segmentation", "cpv"): (None, pytest.approx(0.75), None),
        ("detection AP", "detection", "main"): (None, pytest.approx(0.85), pytest.approx(0.95)),
    }
    paper = {row[:3]: row[4:] for row in found.data.itertuples(index=False, name=None) if row[3] == "paper"}
    assert paper["segmentation AP 0.5", "segmentation", "cpv"] == (None, 0.732, None)
    assert paper["detection AP", "detection", "main"] == (None, 0.901, 0.895)


def test_without_instances_there_is_detection_only(tmp_path):
    found = compare([(None, read_run(folder)) for folder in write_runs(tmp_path, "gauss")])
    assert [each.name for each in found.tables] == ["summary", "table_2", "table_3", "table_7"]
    assert table(found, "summary").rows[0][2:6] == (None,) * 4
    assert [row[0] for row in table(found, "table_2").rows] == ["detection AP", "", "", ""]


def test_what_was_selected_is_listed_a_run_a_line(tmp_path):
    seeds = {"use_cpv_for_seeds": True, "cpv_thresh": 60.0}
    runs = [
        read_run(write_experiment(tmp_path, "a", "sdt", VOLUMES, chosen={"seed_thresh": -0.13, "num_dilations": 2})),
        read_run(
            write_experiment(
                tmp_path, "b", "sdt_cpv", VOLUMES, seed=7, postprocessing={"use_cpv_for_seeds": True}, chosen=seeds
            )
        ),
        read_run(write_experiment(tmp_path, "c", "gauss", VOLUMES, chosen={"nms_size": 3})),
    ]
    vectors, points = selection_tables(compare([(None, run) for run in runs]).groups)
    assert (vectors.name, points.name) == ("table_4", "table_7")
    shown = [dict(zip(vectors.columns, row, strict=True)) for row in vectors.rows]
    assert (shown[0]["seed threshold"], shown[0]["cpv seed threshold"], shown[0]["dilated"]) == ("-0.13", None, "2 times")  # fmt: skip
    assert (shown[1]["seed threshold"], shown[1]["cpv seed threshold"], shown[1]["dilated"]) == (None, "60.0", "yes")
    assert [each["iteration"] for each in shown] == ["4", "4"]
    assert "use_cpv_for_seeds True" in shown[1]["other parameters"]
    data = vectors.data.to_dict("records")[1]
    assert (data["run"], data["seed"], data["cpv_thresh"], data["seed_thresh"]) == ("b", 7, 60.0, None)
    assert (points.columns[5:7], points.rows[0][6]) == (("gauss threshold", "nms distance"), "3")


def test_the_papers_numbers():
    assert reference.segmentation("sdt", "avAP") == 0.597
    assert reference.segmentation("sdt_cpv", "AP_0.5", seeds="cpv") == 0.732
    assert reference.segmentation("sdt", "AP_0.5", validated_on="detection") is None
    assert reference.detection("gauss", "main", "detection") == 0.895
    assert reference.detection("threeclass_cpv", "either", "detection") is None
    assert reference.segmentation("other", "avAP") is None


# Verdicts.
def verdicts_of(tmp_path, **differences: float):
    runs = []
    for place, (method, difference) in enumerate(differences.items()):
        runs += write_runs(tmp_path, method, difference, shift=place)
    comparison = compare([(None, read_run(folder)) for folder in runs])
    return {(verdict.other, verdict.metric): verdict for verdict in comparison.verdicts}


def test_better_worse_and_not_distinguishable_in_words(tmp_path):
    found = verdicts_of(tmp_path, sdt=0, sdt_cpv=0.05, threeclass=0, threeclass_cpv=-0.05, affinities=0, affinities_cpv=0.001)  # fmt: skip
    assert [word for (_, metric), word in {k: v.word for k, v in found.items()}.items() if metric == "avAP"] == [
        "better", "worse", "not distinguishable on these data",
    ]  # fmt: skip
    assert len(found) == 6
    better = found["sdt_cpv", "avAP"]
    assert re.fullmatch(
        r"\+cpv: sdt_cpv is better than sdt by avAP: \+0\.0\d\d, 95 % interval \+0\.0\d\d to \+0\.\d\d\d, p = \S+, = "
        r"\S+ for 3 pairs",
        better.sentence,
    )
    assert better.difference == pytest.approx(0.05, abs=0.003)
    assert better.low < better.difference < better.high
    assert better.p < better.p_holm < 0.05
    neither = found["affinities_cpv", "detection AP"]
    assert neither.sentence.startswith("+cpv: affinities_cpv and affinities are not distinguishable on these data by detection AP")  # fmt: skip
    assert neither.low < 0 < neither.high


def test_several_pairs_are_judged_more_carefully(comparison, tmp_path):
    alone = make_verdicts([comparison.groups], comparison.matching)
    assert [(each.metric, each.word, each.p == each.p_holm) for each in alone] == [
        ("avAP", "better", True), ("detection AP", "better", True)
    ]  # fmt: skip
    together = make_verdicts([comparison.groups] * 4, comparison.matching)
    assert together[0].p_holm == pytest.approx(4 * alone[0].p)
    assert "for 4 pairs" in together[0].sentence


@pytest.mark.parametrize(("change", "reason"), [
    ("runs", "but there is only one run of sdt, which does not show how much runs differ by chance"),
    ("volumes", "but there is only one test volume, which does not show how much volumes differ by chance"),
    ("nothing", "but all runs and volumes have equal scores, which do not show how much they differ by chance"),
])  # fmt: skip
def test_too_little_for_a_verdict_is_said(change, reason, tmp_path):
    volumes = {"a": 0.5} if change == "volumes" else {"a": 0.5, "b": 0.6}
    runs = [
        write_experiment(tmp_path, f"{method}_{seed}", method, volumes, seed=seed)
        for method in ("sdt", "sdt_cpv")
        for seed in ((1,) if (change, method) == ("runs", "sdt") else (1, 2))
    ]
    verdict = compare([(None, read_run(folder)) for folder in runs]).verdicts[0]
    assert (verdict.word, verdict.reason) == ("not distinguishable on these data", f"+0.000, {reason}")
    assert (verdict.p, verdict.low) == (None, None)


def test_points_and_instances_are_compared_by_detection_only(tmp_path):
    assert list(verdicts_of(tmp_path, sdt=0, gauss=0.05)) == [("gauss", "detection AP")]


# Files.
def test_csv_has_every_digit_and_nothing_where_there_is_nothing(comparison):
    read = list(csv.DictReader(io.StringIO(FORMATS["csv"](table(comparison, "table_1")))))
    mean = comparison.groups[0].scores(AP[0.5]).mean()
    assert float(read[0]["AP_0.5"]) == mean
    assert read[0].keys() == {"model", "statistic", "avAP", *(f"AP_0.{i}" for i in range(1, 10))}
    assert [row["statistic"] for row in read[:6]] == ["mean", "worst_run", "best_run", "interval_low", "interval_high", "paper"]  # fmt: skip


def test_all_scores_are_there_for_ones_own_statistics(comparison):
    read = list(csv.DictReader(io.StringIO(scores_as_csv(comparison))))
    own = [float(row["value"]) for row in read if (row["model"], row["metric"]) == ("threeclass_cpv", AP[0.5])]
    assert own == comparison.groups[1].scores(AP[0.5]).ravel().tolist()
    assert {row["volume"] for row in read} == set(VOLUMES)


def test_verdicts_as_csv(comparison):
    first, second = csv.DictReader(io.StringIO(verdicts_as_csv(comparison)))
    assert (first["baseline"], first["other"], first["verdict"]) == ("threeclass", "threeclass_cpv", "better")
    assert (first["metric"], second["metric"]) == ("avAP", "detection AP")
    assert float(first["interval_low"]) > 0
    assert float(first["p"]) < 0.05


def test_markdown_is_a_table_of_as_many_cells_everywhere(comparison):
    lines = as_markdown(table(comparison, "table_1")).splitlines()
    assert lines[0] == "## Table 1. Segmentation: AP at IoU above"
    cells = [re.split(r"(?<!\\)\|", line) for line in lines if line.startswith("|")]
    assert ({len(row) for row in cells}, cells[1][1].strip()) == ({1 + 12 + 1}, "---")
    text = document(comparison)
    assert text.index("is better than") < text.index("## Scores") < text.index("## Table 5")


def strange(comparison: RunComparison) -> PaperTable:
    name = r"a_b|c<i>&50% #1 $x$ {y} ~^ \z*" + "[t](u)\nv"
    data = pd.DataFrame({"model": [name], "n": [1]})
    return PaperTable("Strange", ("model", "n"), [(name, "1")], note=name, name="table_9", data=data)


def test_names_are_no_markup(comparison):
    markdown = as_markdown(strange(comparison))
    assert r"a\_b\|c&lt;i>&amp;" in markdown.partition("50")[0]
    assert r"\~^ \\z\*\[t\](u)" + "\N{REPLACEMENT CHARACTER}v |" in markdown
    assert {len(re.split(r"(?<!\\)\|", line)) for line in markdown.splitlines() if line.startswith("|")} == {4}
    latex = as_latex(strange(comparison))
    body = latex[latex.index(r"\midrule") : latex.index(r"\bottomrule")]
    assert (
        r"a\_b|c\textless{}i\textgreater{}\&50\% \#1 \$x\$ \{y\} \textasciitilde{}\textasciicircum{} "
        r"\textbackslash{}z*{[}t{]}(u)"
        "\N{REPLACEMENT CHARACTER}v &" in body
    )
    assert len(re.findall(r"(?<!\\)&", body)) == 1


def test_names_are_no_formulas_and_numbers_stay():
    data = pd.DataFrame({"=model": ["=1+1", "@a", "-0.5"], "n": [-0.5, 1, None]})
    assert as_csv(data).splitlines() == ["'=model,n", "'=1+1,-0.5", "'@a,1.0", "-0.5,"]


def test_a_folder_may_have_a_name_that_cannot_be_printed(tmp_path):
    folder = write_experiment(tmp_path, "plain", "sdt", VOLUMES).rename(tmp_path / "a\nb\udcff")
    out = tmp_path / "out"
    write_comparison(compare([(None, read_run(folder))]), [], out)
    for name in ("table_4.md", "table_4.tex", "table_4.csv", "scores.csv", "report.html"):
        assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}" in (out / name).read_text(encoding="utf-8")
    assert json.loads((out / "comparison.json").read_text())["groups"][0]["runs"][0]["folder"] == str(folder)


def test_a_volume_without_nuclei_is_left_out_with_a_word(comparison, two_methods):
    nothing = np.zeros((2, 3, 4), int)
    runs = [read_run(folder) for folder in sorted(two_methods.iterdir())]
    more = compare([(None, replace(run, scores={"blank": as_table(Comparison(nothing, nothing)), **run.scores})) for run in runs])  # fmt: skip
    for one, other in zip(comparison.tables, more.tables, strict=True):
        assert one.rows == other.rows
    assert more.verdicts == comparison.verdicts
    assert more.remarks == ("blank: no nuclei to be found, so there is no AP; left out of all means",)
    found = {row["metric"] for row in csv.DictReader(io.StringIO(scores_as_csv(more))) if row["volume"] == "blank"}
    assert "confusion_matrix.th_0_5.FP" in found
    assert not [metric for metric in found if metric.endswith(("AP", "PQ", "recall"))]


def test_latex_has_a_column_for_every_cell(comparison):
    for each in comparison.tables:
        text = as_latex(each)
        layout = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1]
        assert (len(layout), layout[0]) == (len(each.columns), "l")
        assert layout[-1] == ("l" if each.name == "table_5" else "r")
        for line in text[text.index(r"\toprule") : text.index(r"\bottomrule")].splitlines():
            if line.endswith(r"\\"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(layout) - 1
        assert "–" not in text
        assert "%" not in re.sub(r"\\%", "", text.partition("\n")[2])
        assert np.isclose(text.count("{"), text.count("}"))
