"""Call one function of one file in this process, and write what it returns as JSON.

    python child.py FILE FUNCTION ARGUMENTS_AS_JSON RESULT

Imports nothing but the standard library, so that environments of other programs can run it, and so that the memory of
this process is that of the function.
"""

import importlib
import importlib.util
import json
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]


def main(file: str, function: str, arguments: str, result: str) -> None:
    """Import the file and call the function with keyword arguments."""
    sys.path[:0] = [str(SCRIPTS), str(SCRIPTS.parent)]
    path = Path(file)
    if path.is_relative_to(SCRIPTS):
        # By its name, by which processes that this one starts can import it, too.
        module = importlib.import_module(".".join(path.relative_to(SCRIPTS).with_suffix("").parts))
    else:
        spec = importlib.util.spec_from_file_location("benchmarked", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    Path(result).write_text(json.dumps(getattr(module, function)(**json.loads(arguments))), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
