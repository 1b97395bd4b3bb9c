"""What a study is to run: variants of a configuration, on folds of groups of volumes, with seeds."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from study.axes import Curves, variants_of
from study.scores import METRICS

STUDIES = Path(__file__).parents[1] / "studies"
OPTIONAL = ("made_by", "parts", "headings", "metrics", "by_group", "about", "cost", "findings", "axes")
"""Keys of a study's file that may be missing."""


BASELINE_PROGRAMS = {"stardist": "StarDist-3D", "maskrcnn": "Mask R-CNN"}
"""Other programs that a variant may be, by their folders in scripts/baselines."""


class StudyError(Exception):
    """Something that whoever runs the study can put right."""


@dataclass(frozen=True)
class Fold:
    """Groups of volumes (such as embryos) for test and validation; all others train, or those that are named."""

    number: int
    test: Sequence[str]
    val: Sequence[str]
    train: Sequence[str] = ()
    folder_of_test: str = ""

    def splits(self, group: str, folder: str = "") -> list[str]:
        """Name the splits of a group; where there are few volumes, one may serve for training and validation.

        Parameters
        ----------
        group : str
        folder : str
            That lies above the folder of the images. If it is `folder_of_test`, its volumes serve for test alone, and
            all others do not.
        """
        if self.folder_of_test and folder == self.folder_of_test:
            return ["test"] if group in self.test else []
        names = ("val",) if self.folder_of_test else ("test", "val")
        kept = [name for name in names if group in getattr(self, name)]
        return ["train", *kept] if group in self.train else kept or ([] if self.train else ["train"])


@dataclass(frozen=True)
class Variant:
    """A configuration that differs from that of the study.

    Attributes
    ----------
    name : str
    about : str
        What differs, for people.
    keys : mapping
        The keys that differ, as in a configuration file.
    training_of : str
        Variant whose training is taken over, since only what comes after it differs; empty: a training of its own.
    program : str
        One of `BASELINE_PROGRAMS`, trained on the same volumes for `minutes` or `steps`; ``configure``: ours as the
        command of that name writes it for so many `steps`, with `keys` besides; empty: ours.
    minutes : float
    against : str
        Variant that it is compared with.
    steps : int
        In place of minutes, where other programs slow the machine down.
    """

    name: str
    about: str
    keys: Mapping[str, Any]
    training_of: str
    against: str
    program: str
    minutes: float
    steps: int = 0


@dataclass(frozen=True)
class Study:
    """A study, as its file says.

    Attributes
    ----------
    name, title : str
    data : Path
        Folder with images and masks, or with folders of these.
    group : str
        Regular expression; what it matches of a volume's name is the group.
    base : mapping
        Keys of every variant.
    folds : sequence of Fold
    variants : mapping of name to Variant
    made_by : str
        Script, with arguments, that makes the folder of the volumes; empty: they are of others.
    parts : mapping of name to [begin, end]
        Along x, of which each volume is cut into volumes of their own, NAME_PART.
    headings : mapping of heading to names
        Variants that stand together in tables, under a heading.
    metrics : sequence of str
        Scores that the page compares.
    by_group : bool
        Whether the page has the scores by group of volumes, too.
    about, cost : str
        For the page: what is compared; on what it was computed.
    findings : sequence of str
        For the page: what was found.
    axes : mapping of axis to values
        In place of variants: each combination of values is one, see `study.axes`.
    curves : Curves, optional
        How such variants are drawn.
    """

    name: str
    title: str
    data: Path
    group: str
    base: Mapping[str, Any]
    folds: Sequence[Fold]
    variants: Mapping[str, Variant]
    made_by: str = ""
    parts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    headings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    metrics: Sequence[str] = ("avAP",)
    by_group: bool = False
    about: str = ""
    cost: str = ""
    findings: Sequence[str] = ()
    axes: Mapping[str, Mapping[str, dict[str, Any]]] = field(default_factory=dict)
    curves: Curves | None = None

    def sections(self) -> Iterator[tuple[str, list[Variant]]]:
        """Give the variants without a heading, then each heading with its variants."""
        under = {name for names in self.headings.values() for name in names}
        yield "", [variant for name, variant in self.variants.items() if name not in under]
        for heading, names in self.headings.items():
            yield heading, [self.variants[name] for name in names]

    def group_of(self, volume: str) -> str:
        """Name the group of a volume."""
        if not (found := re.match(self.group, volume)):
            raise StudyError(f"{volume}: the pattern of groups, {self.group}, does not match")
        return found.group()

    def runs(self, variants: Sequence[str], folds: Sequence[int], seeds: Sequence[int]) -> Iterator[Run]:
        """Give what is to be run: a seed of all folds and variants after the other."""
        if absent := set(folds) - {each.number for each in self.folds}:
            raise StudyError(f"--folds {min(absent)}: no such fold; there are 1 to {len(self.folds)}")
        for seed in seeds:
            for fold in self.folds:
                if not folds or fold.number in folds:
                    for name in variants or self.variants:
                        yield Run(self, self.variants[name], fold, seed)


@dataclass(frozen=True)
class Run:
    """One experiment of a study."""

    study: Study
    variant: Variant
    fold: Fold
    seed: int

    @property
    def name(self) -> str:
        """Name of the experiment's folder."""
        return f"{self.variant.name}_fold{self.fold.number}_seed{self.seed}"

    @property
    def training(self) -> str:
        """Name of the experiment whose training is taken over, or an empty string."""
        return self.name.replace(self.variant.name, self.variant.training_of, 1) if self.variant.training_of else ""


def read_study(name: str, data: Path | None = None) -> Study:
    """Read scripts/studies/<name>.toml.

    Raises
    ------
    StudyError
        There is no such study, or what its file names is not there.
    """
    path = STUDIES / f"{name}.toml"
    if not path.is_file():
        raise StudyError(f"{name}: no such study; there are {', '.join(names_of_studies())}")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    folder = data or STUDIES.parents[1] / table["data"]
    folds = [Fold(number, **each) for number, each in enumerate(table["folds"], 1)]
    axes = table.get("axes", {})
    variants = _variants(path, {**(dict(variants_of(axes)) if axes else {}), **table.get("variants", {})})
    under = [name for names in table.get("headings", {}).values() for name in names]
    if wrong := sorted(name for name in set(under) if name not in variants or under.count(name) > 1):
        raise StudyError(f"{path}: headings: {', '.join(wrong)}: name each variant once, and none that there is not")
    curves = _curves(path, axes, table["curves"]) if "curves" in table else None
    asked = {*table.get("metrics", ()), *(curves.metrics if curves else ())}
    if wrong := sorted(asked - set(METRICS)):
        raise StudyError(f"{path}: metrics: {', '.join(wrong)}: choose from {', '.join(METRICS)}")
    optional = {key: table[key] for key in OPTIONAL if key in table}
    return Study(
        name, table["title"], folder, table["group"], table["base"], folds, variants, curves=curves, **optional
    )


def _curves(path: Path, axes: Mapping[str, Any], table: dict[str, Any]) -> Curves:
    curves = Curves(**{**table, "metrics": tuple(table["metrics"])})
    if absent := {curves.x, curves.lines, curves.panels} - {*axes, ""}:
        raise StudyError(f"{path}: curves: {min(absent)}: no such axis; there are {', '.join(axes)}")
    return curves


def names_of_studies() -> list[str]:
    """Name all studies."""
    return sorted(each.stem for each in STUDIES.glob("*.toml"))


def _variants(path: Path, table: Mapping[str, dict[str, Any]]) -> dict[str, Variant]:
    first = next(iter(table))
    variants = {}
    for key, each in table.items():
        of, about, against = each.pop("training_of", ""), each.pop("about"), each.pop("against", first)
        for other in (of, against):
            if other and other not in table:
                raise StudyError(f"{path}: variant {key} names {other}, which there is not")
        program, minutes, steps = each.pop("program", ""), each.pop("minutes", 0.0), each.pop("steps", 0)
        if program not in ("", "configure", *BASELINE_PROGRAMS):
            known = ", ".join(("configure", *BASELINE_PROGRAMS))
            raise StudyError(f"{path}: variants.{key}: program {program!r}: choose from {known}")
        if (minutes > 0) + (steps > 0) != bool(program):
            raise StudyError(
                f"{path}: variants.{key}: program {program!r}, minutes {minutes}, steps {steps}; give either minutes "
                "or steps, above 0, with a program, and neither without"
            )
        variants[key] = Variant(key, about, each, of, against, program, minutes, steps)
    return variants
