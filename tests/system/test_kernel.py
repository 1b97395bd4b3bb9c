import importlib.util
import shutil

import pytest

from auxcpvloss.system.kernel import kernel

SOURCE = """
from auxcpvloss.system.kernel import kernel

@kernel({})
def twice(number):
    return 2 * number
"""
SIGNATURES = ("", '"int64(int64)"')


def module(path, signature):
    if not path.is_file():
        path.write_text(SOURCE.format(signature))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def hits(function):
    return sum(function.stats.cache_hits.values())


@pytest.fixture(autouse=True)
def beside_the_source(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)


@pytest.mark.parametrize("signature", SIGNATURES)
def test_what_is_cut_off_is_compiled_and_kept_anew(tmp_path, signature):
    path = tmp_path / "mine.py"
    first = module(path, signature).twice
    assert (first(4), hits(first)) == (8, 0)
    again = module(path, signature).twice
    assert (again(4), hits(again)) == (8, 1)
    for suffix in ("nbi", "nbc"):
        (kept,) = tmp_path.glob(f"__pycache__/*.{suffix}")
        whole = kept.stat().st_size
        kept.write_bytes(b"")
        assert module(path, signature).twice(4) == 8
        assert kept.stat().st_size == pytest.approx(whole, rel=0.1)


def test_a_folder_that_cannot_be_written_to_any_more_is_no_error(tmp_path):
    twice = module(tmp_path / "mine.py", "").twice
    shutil.rmtree(tmp_path / "__pycache__")
    (tmp_path / "__pycache__").write_text("no folder")
    assert twice(4) == 8


@pytest.mark.parametrize("signature", [(), ("int64(int64)",)])
def test_where_there_is_no_folder_functions_are_compiled_all_the_same(signature):
    # Of no file, and so beside none, as with a folder that may not be written to.
    exec("def twice(number): return 2 * number", made := {})
    assert kernel(*signature)(made["twice"])(4) == 8
