from auxcpvloss.network.batch import Batch
from auxcpvloss.network.trainer import Ready
from auxcpvloss.stages.train.profile import profiled
from auxcpvloss.system.terminal import Terminal


def ready(**costs):
    return Ready(Batch(None, {}, None, costs), (None, {}, None))


def test_costs_are_means_over_the_batches_since_the_last_table(tmp_path, capsys):
    path = tmp_path / "profile.csv"
    stream = [ready(Deform=0.01 * number, AddTargets=0.001) for number in (1, 2, 3, 4, 50)]
    assert list(profiled(stream, 10, 2, path, Terminal())) == stream
    lines = ["12,Deform,0.015000", "12,AddTargets,0.001000", "14,Deform,0.035000", "14,AddTargets,0.001000"]
    assert path.read_text().splitlines() == ["iteration,node,seconds_per_batch", *lines]
    out = capsys.readouterr().out
    assert "a batch took 36.0 ms of a process, the mean of 2 until iteration 14" in out
    assert "97.222" in out
    # A training that goes on from iteration 12.
    list(profiled([ready(other=1.0)] * 3, 12, 2, path, Terminal()))
    assert path.read_text().splitlines()[1:] == [*lines[:2], "14,other,1.000000"]
