import pytest

from auxcpvloss.looking.report.groups import mean_by_group
from auxcpvloss.looking.table import DisplayTable


def test_each_group_counts_as_one():
    volumes = DisplayTable("", ["volume", "AP", "PQ"], [["a1", 0.2, 0.5], ["a2", 0.4, None], ["b", 0.9, None]])
    table = mean_by_group(volumes, {"a1": "A", "a2": "A", "b": "B"})
    (a, b), (total,) = table.rows, table.totals
    assert list(table.columns) == ["group", "volumes", "AP", "PQ"]
    assert (a[0], a[1], b[0], b[1], b[3]) == ("A", 2, "B", 1, None)
    assert (a[2], a[3], b[2]) == (pytest.approx(0.3), 0.5, 0.9)
    # Over groups, where over volumes it would be 0.5.
    assert total == ["mean", 3, pytest.approx(0.6), 0.5]
