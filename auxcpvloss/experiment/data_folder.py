"""Where prepared volumes lie: once for all experiments on them, in a folder named by what they are made from."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.data.degrade import of_split, record_of
from auxcpvloss.experiment.configuration import YOUNGER
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.record_keys import relevant


def data_folder(root: Path, config: Config, split: str) -> Path:
    """Give the folder of the prepared volumes of a split, of experiments in the folder `root`."""
    # Folds choose among prepared volumes; the unit is for what is made of results; a format that is named or
    # detected is the same; and what is permitted changes nothing.
    alike = {"num_folds", "use", "use_val", "use_seed", "allow_repeats", "fill_chunks", "voxel_unit", "test_format"}
    alike |= {"degrade"}
    alike |= set() if split == TEST else {"test_voxel_size"}
    # They tell which volumes of a flat folder the split has.
    alike |= {"groups"} if getattr(config.data, f"{split}_data") else set()
    data = config.data.model_dump(mode="json", exclude=alike)
    # Made worse are the volumes of some splits alone.
    data = _without_younger(data, "data") | record_of(of_split(config.data.degrade, split))
    keys = ("path", "train_data", "val_data", "test_data", "unlabelled_data", "available_at")
    places = {key: data.pop(key, "") for key in keys}
    place = str(places[f"{split}_data"] or places["path"])
    text = json.dumps([place, data, relevant(config.preprocessing.model_dump(mode="json"))], sort_keys=True)
    # So short that with the rest it is the name of a folder, whatever its letters.
    name = Path(place).stem[:50] or config.data.input_format
    return root / "data" / f"{name}-{sha256(text.encode()).hexdigest()[:8]}" / split


def _without_younger(table: dict[str, Any], name: str) -> dict[str, Any]:
    """Give a table without keys that are younger than the first experiments, at the value implied before."""
    kept = {key: value for key, value in table.items() if YOUNGER.get(f"{name}.{key}", ...) != value}
    inner = {key: _without_younger(each, f"{name}.{key}") for key, each in kept.items() if isinstance(each, dict)}
    return {**kept, **inner}
