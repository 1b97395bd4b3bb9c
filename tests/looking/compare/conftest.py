from pathlib import Path

import pytest

from tests.looking.compare.experiments import write_runs


@pytest.fixture(scope="session")
def two_methods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with three runs each of threeclass and threeclass_cpv, the latter 0.04 better; not to be written to."""
    root = tmp_path_factory.mktemp("two")
    write_runs(root, "threeclass")
    write_runs(root, "threeclass_cpv", difference=0.04, shift=1)
    return root
