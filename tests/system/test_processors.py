import os
import subprocess
import sys

import pytest

from auxcpvloss.system.processors import arithmetic, set_up_tensorflow, usable_cores

V1 = "4:memory:/elsewhere\n3:cpu,cpuacct:/job/step\n0::/\n"
V2 = "0::/job/step\n"


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        (V1, {"cpu/job/step": (-1, 100_000), "cpu/job": (250_000, 100_000)}, 3),
        (V1, {"cpu,cpuacct/job": (250_000, 100_000)}, 3),
        (V1, {"cpu": (50_000, 100_000), "memory/elsewhere": (1, 1)}, 1),
        (V2, {"job": "200000 100000", "job/step": "max 100000", "": "400000 100000"}, 2),
        (V2, {"job/step": "max 100000"}, 64),
        (V2, {}, 64),
        ("", {}, 64),
    ],
    ids=[
        "v1, that above",
        "v1, without a short name",
        "v1, that of a container",
        "v2, the least",
        "v2, none",
        "no files",
        "no groups",
    ],
)
def test_a_quota_bounds_the_cores(tmp_path, monkeypatch, groups, files, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    for place, content in files.items():
        folder = tmp_path / "sys/fs/cgroup" / place
        folder.mkdir(parents=True, exist_ok=True)
        names = ("cpu.max",) if isinstance(content, str) else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        for name, text in zip(names, [content] if isinstance(content, str) else content, strict=True):
            (folder / name).write_text(f"{text}\n")
    assert usable_cores(tmp_path) == expected


@pytest.mark.parametrize("given", ["0", None])
def test_onednn_is_on_unless_somebody_says_otherwise(given):
    environment = {key: value for key, value in os.environ.items() if key != "TF_ENABLE_ONEDNN_OPTS"}
    program = "import auxcpvloss, os; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    environment |= {} if given is None else {"TF_ENABLE_ONEDNN_OPTS": given}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{given or 1}\n"


def test_a_thread_for_every_core_of_a_quota(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(10_000)))
    for cores, expected in ((3, {"TF_NUM_INTRAOP_THREADS": "3"}), (10_000, {})):
        monkeypatch.setattr("auxcpvloss.system.processors.usable_cores", lambda cores=cores: cores)
        environment: dict[str, str] = {}
        set_up_tensorflow(environment)
        assert environment == {"TF_ENABLE_ONEDNN_OPTS": "1"} | expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TF_ENABLE_ONEDNN_OPTS": "1", "TF_NUM_INTRAOP_THREADS": "3"}, "3 threads, oneDNN on, "),
        ({"TF_ENABLE_ONEDNN_OPTS": "0", "ONEDNN_MAX_CPU_ISA": "AVX2", "TF_NUM_INTRAOP_THREADS": "1"}, "1 thread, oneDNN off, "),
        ({"TF_ENABLE_ONEDNN_OPTS": "true", "ONEDNN_MAX_CPU_ISA": "AVX2"}, ", oneDNN on up to AVX2, "),
        ({"TF_NUM_INTRAOP_THREADS": "0"}, f"{usable_cores()} thread"),
        ({}, ", oneDNN as TensorFlow chooses, "),
    ],
)  # fmt: skip
def test_what_computes_is_told(environment, expected):
    assert expected in str(arithmetic(environment))
