import numpy as np

from auxcpvloss.looking.report.cases import Case, Cause, Kind, Why
from auxcpvloss.looking.report.verdict import Scored, Verdict, judge, percent
from auxcpvloss.metrics import THRESHOLDS, Counts

RULE = "an IoU above 0.5"


def case(kind: Kind, cause: Cause = "alone", size: int | None = 100) -> Case:
    return Case(kind, (0, 0, 0), (1, 1, 1), (1,), (), size, 0, Why(cause, ""))


def hints(verdict: Verdict) -> list[str]:
    return [hint.text for hint in verdict.hints]


def test_the_verdict_begins_with_what_was_found_and_what_is_wrong():
    verdict = judge({"a": Scored(Counts(90, 5, 10)), "b": Scored(Counts(1000, 1, 0))}, RULE, ["one training"])
    assert verdict.headline == "1,090 of 1,100 true nuclei were found (99.1 %); 6 of 1,096 results are wrong (0.5 %)."
    assert verdict.facts[0].endswith(": 0.928, mean of 2 volumes (0.857 to 0.999).")
    assert RULE in verdict.facts[1]
    assert [round(share.percent, 1) for share in verdict.shares] == [99.1, 99.5]
    assert verdict.caveats == ["one training"]


def test_one_of_one_is_said_in_the_singular():
    assert judge({"a": Scored(Counts(1, 1, 1))}, RULE, []).headline == (
        "1 of 2 true nuclei was found (50 %); 1 of 2 results is wrong (50 %)."
    )


def test_percents_are_never_rounded_to_all_or_nothing():
    assert (percent(9999, 10000), percent(1, 10000)) == ("99.9 %", "0.1 %")
    assert (percent(10, 10), percent(0, 10)) == ("100 %", "0 %")
    assert percent(0, 0) == "there are none"


def test_reasons_are_counted():
    cases = [
        case("false negative", "merge"), case("false negative", "merge"), case("false negative"),
        case("false positive", "merge"), case("merge", "merge"), case("split", "split"),
    ]  # fmt: skip
    verdict = judge({"a": Scored(Counts(10, 1, 3), cases=cases)}, RULE, [])
    assert hints(verdict) == [
        "3 true nuclei were missed: 1 without a result of their own, 2 within a result that covers several.",
        "1 result is wrong: 1 that cover several nuclei.",
        "1 true nucleus was split into pieces (split).",
        "1 result covers several nuclei (merge).",
    ]
    assert [hint.kind for hint in verdict.hints] == ["false negative", "false positive", "split", "merge"]


def test_of_points_there_is_no_reason_to_be_told():
    verdict = judge({"a": Scored(Counts(5, 1, 0), cases=[case("false positive", size=None)])}, RULE, [])
    assert hints(verdict) == ["1 result is wrong."]


def test_what_stands_out_is_pointed_at():
    missed = [case("false negative", size=50) for _ in range(6)]
    volumes = {
        "a": Scored(Counts(10, 0, 6), cases=missed, sizes=np.full(16, 200)),
        "b": Scored(Counts(10, 0, 0)),
        "c": Scored(Counts(0, 0, 4)),
    }
    told = hints(judge(volumes, RULE, []))
    assert told[0] == "c: nothing was found at all."
    assert "Missed nuclei are small: 50 voxels in the median, 200 of all nuclei." in told
    assert told[-1] == "c is the worst volume: AP 0.000; the mean of the others is 0.812."


def test_where_all_is_right_there_is_nothing_to_look_at():
    assert hints(judge({"a": Scored(Counts(5, 0, 0))}, RULE, [])) == ["There are no errors."]


def test_volumes_without_nuclei_have_no_ap():
    curve = dict.fromkeys(THRESHOLDS, 1.0)
    nothing, full = Scored(Counts(0, 0, 0), curve), Scored(Counts(1, 1, 2), dict.fromkeys(THRESHOLDS, 0.25))
    verdict = judge({"nothing": nothing, "false": Scored(Counts(0, 3, 0), curve), "full": full}, RULE, [])
    assert verdict.facts[0].endswith(": 0.250, one volume.")
    assert verdict.headline.endswith("4 of 5 results are wrong (80 %).")
    assert not [hint for hint in hints(verdict) if "worst" in hint]
    assert not [fact for fact in judge({"nothing": nothing}, RULE, []).facts if "AP" in fact]


def test_how_exact_outlines_are_is_told():
    curve = dict(zip(THRESHOLDS, (0.9, 0.9, 0.9, 0.9, 0.8, 0.7, 0.5, 0.3, 0.1), strict=True))
    facts = judge({"a": Scored(Counts(9, 1, 1), curve)}, RULE, []).facts
    assert facts[2] == "Outlines: AP falls to less than half of this at an IoU above 0.8 (0.300)."
