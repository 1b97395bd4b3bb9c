"""The volumes of a fold, in folders as the program looks for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import tifffile

from auxcpvloss.system.files import replacing
from study.plan import Fold, Study, StudyError


def fold_folder(study: Study, fold: Fold, place: Path) -> Path:
    """Link the volumes of a fold, or write the parts that they are cut into: PLACE/data/foldN/SPLIT/images/NAME.tif."""
    if not any(study.data.rglob("images")):
        make = f"make it with `python {study.made_by}`, or " if study.made_by else ""
        raise StudyError(f"{study.data}: no folder with images and masks; {make}name it with --data")
    data = place / "data" / f"fold{fold.number}"
    for image in sorted(study.data.rglob("images/*")):
        files = (image, image.parents[1] / "masks" / image.name)
        for name, part in _volumes(study, image):
            for split in fold.splits(study.group_of(name), image.parents[1].name):
                for file in files:
                    target = data / split / file.parent.name / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _place(file, part, target)
    return data


def _volumes(study: Study, image: Path) -> Iterator[tuple[str, Sequence[int]]]:
    if not study.parts:
        yield image.name, ()
    for name, part in study.parts.items():
        yield f"{image.stem}_{name}{image.suffix}", part


def _place(file: Path, part: Sequence[int], target: Path) -> None:
    with contextlib.suppress(FileExistsError):
        if not part:
            target.symlink_to(file.resolve())
        elif not target.exists():
            begin, end = part
            # Another process takes what is there for whole.
            with replacing(target) as beside:
                tifffile.imwrite(beside, tifffile.imread(file)[..., begin:end], photometric="minisblack")
