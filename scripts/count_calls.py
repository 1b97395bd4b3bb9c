"""Count what a command does that has nothing to do: calls of own functions, zarr groups opened, sources listed.

python scripts/count_calls.py -id NAME -d all    (the arguments of run_auxcpvloss.py)
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import zarr

import auxcpvloss
from auxcpvloss.cli import main
from auxcpvloss.data.sources import find

PACKAGE = str(Path(auxcpvloss.__file__).parent)


def count(arguments: list[str]) -> tuple[int, dict[str, int], list[tuple[str, int]]]:
    """Run a command; give its exit status, the counts, and the functions that are called most."""
    calls: Counter[tuple[str, str]] = Counter()
    opened: Counter[str] = Counter()

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "call":
            code = frame.f_code
            if code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<"):
                calls[code.co_filename.removeprefix(PACKAGE), code.co_qualname] += 1
            elif code is OPEN_GROUP:
                opened["zarr groups"] += 1
            if code is FIND_SOURCES:
                opened["listings of sources"] += 1

    sys.setprofile(watch)
    try:
        status = main(arguments)
    finally:
        sys.setprofile(None)
    most = [(f"{file}: {name}", number) for (file, name), number in calls.most_common(25)]
    return status, {"own calls": sum(calls.values()), **opened}, most


OPEN_GROUP = zarr.open_group.__code__
FIND_SOURCES = find.find_sources.__code__

if __name__ == "__main__":
    status, counts, most = count(sys.argv[1:])
    for name, number in most:
        print(f"{number:8,} {name}")
    for name, number in counts.items():
        print(f"{number:8,} {name}")
    raise SystemExit(status)
