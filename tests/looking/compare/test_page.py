from pathlib import Path

import pandas as pd

from auxcpvloss.looking.compare.comparison import RunComparison
from auxcpvloss.looking.compare.output import comparison_page
from auxcpvloss.looking.compare.runs import EvaluatedRun, Group
from auxcpvloss.looking.compare.verdicts import PairVerdict
from auxcpvloss.looking.report.page import as_html
from auxcpvloss.looking.table import PaperTable
from tests.looking.report.test_page import Elements

PNG = bytes.fromhex("89504e470d0a1a0a")


def verdict(metric: str, word: str) -> PairVerdict:
    return PairVerdict("sdt", "sdt_cpv", metric, "a.b", word, 0.03, 0.01, 0.05, 0.01, 0.02, "+0.030")  # type: ignore[arg-type]


def comparison(*verdicts: PairVerdict) -> RunComparison:
    run = EvaluatedRun(
        folder=Path("experiments/<b>"), base="sdt", auxiliary=(), seed=1, checkpoint=500, params={}, metric="m",
        validated_on="segmentation", seeds="main", weights="", scores={}, training={}, selected_from={},
        evaluation={}, truth={}, instances={},
    )  # fmt: skip
    rows = [("sdt", "mean", "0.5"), ("", "paper", None)]
    table = PaperTable("Segmentation", ("model", "", "avAP"), rows, note="a note", name="table_1", data=pd.DataFrame())
    return RunComparison((Group("sdt", "", (run,)), Group("sdt_cpv", "", (run, run))), ("a", "b"), "hoefener", verdicts, (table,), ("a remark",))  # fmt: skip


def test_verdicts_come_first_then_tables_then_figures():
    html = as_html(comparison_page(comparison(verdict("avAP", "better"), verdict("detection AP", "worse")), {"AP over IoU": PNG}))  # fmt: skip
    parts = [
        "Comparison: sdt, sdt_cpv", "3 runs on 2 test volumes: a, b",
        '<p class="headline">sdt_cpv is better than sdt by avAP: +0.030', "sdt_cpv is worse than sdt by detection AP",
        "a remark", "<caption>Table 1. Segmentation</caption>", "a note", "data:image/png;base64,", "AP over IoU</figcaption>",
    ]  # fmt: skip
    at = [html.index(part) for part in parts[1:]]
    assert at == sorted(at)
    assert parts[0] in html


def test_rows_that_belong_together_cannot_be_sorted_apart():
    html = as_html(comparison_page(comparison(), {}))
    assert not [each for tag, each in Elements(html).tags if tag == "button"]
    assert "<td>–</td>" in html
    assert "there is no verdict" in html
