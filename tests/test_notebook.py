import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.notebook
@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.ipynb")))
def test_notebooks_run(name, monkeypatch, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    notebook = nbformat.read(DOCS / name, as_version=4)
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    printed = "".join(output.get("text", "") for output in outputs)
    found, there = (int(number) for number in re.search(r"(\d+) nuclei found, (\d+) are there", printed).groups())
    # A short training finds some of them.
    assert there / 3 <= found <= 1.5 * there
