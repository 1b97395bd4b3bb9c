"""The configuration of an experiment: the tables, completed by the packages that bring keys or values of keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import auxcpvloss.augment.config_part
import auxcpvloss.data.config_part
import auxcpvloss.methods.config_part
import auxcpvloss.metrics.config_part
import auxcpvloss.network.config_part
from auxcpvloss import config
from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.augment.augmentation import Occasional
from auxcpvloss.config import Config, ConfigFile
from auxcpvloss.config.compose import Extension, Problem
from auxcpvloss.data import degrade
from auxcpvloss.data.synthetic.difficulty import Difficulty
from auxcpvloss.methods import method_of, model_record
from auxcpvloss.metrics.registry import METRICS
from auxcpvloss.metrics.table import metric_paths
from auxcpvloss.system.checksums import CHANGED, is_changed_text
from auxcpvloss.system.errors import InputError

OF_ONE_COMMAND = ("overwrite", "logging")
"""Keys of [general] that apply to one command only."""

YOUNGER = {
    "general.backend": "tensorflow",
    "optimizer.accumulate": 1,
    "optimizer.average": 0.0,
    "optimizer.warmup": 0,
    "model.architecture": "unet",
    "model.networks": "shared",
    "init.encoder_weights": "",
    "model.loss_cpv_background": 0.01,
    "evaluation.metrics": [],
    "training.augmentation.one_of": [],
    "training.augmentation.without": [],
    "training.augmentation.zoom.factors": [],
    "training.profiling": 0,
    "training.sampling": "volumes",
    "training.class_loss": "cross_entropy",
    "training.deep_supervision": False,
    "training.class_balance": "patch",
    "training.focal_gamma": 2.0,
    "data.test_format": "auto",
    "data.unlabelled_data": "",
    "data.mask_pattern": "{name}",
    "data.fill_chunks": False,
    "data.axes": "",
    "data.allow_repeats": False,
    "data.channel": -1,
    "data.ignore_label": 0,
    "data.annotated_box": False,
    "data.split_pieces": False,
    "data.groups": "",
    "data.use": "all",
    "data.use_val": "matched",
    "data.use_seed": 0,
    "data.target_voxel_size": [],
    "data.test_voxel_size": [],
    "data.synthetic.kind": "worms",
    **{f"data.degrade.{name}": value for name, value in degrade.OFF.items()},
    **{f"data.synthetic.{name}": value for name, value in asdict(Difficulty()).items()},
    "validation.average_last": 0,
    "validation.keep": "scores",
    "scheme.name": "baseline",
    "scheme.alpha": 0.5,
    "pretrain.images": ["train", "val", "test"],
    "pretrain.max_iterations": 20000,
    "pretrain.checkpoints": 5000,
    "pretrain.batch_size": 4,
    "pretrain.lr": 4e-4,
    "pretrain.lr_schedule": "cosine",
    "pretrain.blind_share": 0.00784,
    "pretrain.blind_radius": 5,
    "pretrain.blind_extent": [0, 0, 0],
    "prediction.precision": "training",
    "prediction.tile_memory": 0.15,
    "prediction.augment": "none",
    "prediction.ensemble": [],
    "postprocessing.seeds": "interior",
    "postprocessing.vote_width": 0.3,
    "postprocessing.vote_fraction": 0.15,
    "postprocessing.assign": "watershed",
    "postprocessing.assign_distance": 0.3,
    "validation.refine": "auto",
    "validation.seeds": [],
    "validation.vote_width": [],
    "validation.vote_fraction": [],
    "validation.assign": [],
    "validation.assign_distance": [],
}
"""Keys added after the first records, with the values implied before they existed."""


def load(places: Sequence[ConfigFile]) -> Config:
    """Merge places left to right over the built-in defaults, and check the result with all parts: see `config.load`."""
    return config.load(places, PARTS, auxcpvloss.methods.config_part.long_form)


def is_edited(path: Path) -> bool:
    """Whether the configuration in the folder of an experiment is not as the program wrote it."""
    return is_changed_text(path.read_bytes())


def refuse_edited(path: Path) -> None:
    """Refuse an experiment whose configuration is not the one that its results were made with.

    Raises
    ------
    InputError
        Names the file, and what writes it again.
    """
    if is_edited(path):
        raise InputError(
            f"{path}: {CHANGED}, so it may not be that of the results. Restore it, or run a stage (-id "
            f"{path.parent.name} -d report), which adopts it and says what it makes stale."
        )


def lasting(configuration: Config) -> dict[str, Any]:
    """Give the tables of a configuration without keys that are no properties of the results."""
    tables = config.dump(configuration)
    for key in OF_ONE_COMMAND:
        del tables["general"][key]
    return tables


def configuration_record(configuration: Config) -> dict[str, Any]:
    """Give the lasting keys, dotted, as records hold them: without younger ones at the value implied before."""
    tables = {**lasting(configuration), "model": model_record(configuration)}
    training = tables["training"]
    occasional = [each for each in AUGMENTATIONS if issubclass(each.table, Occasional)]
    younger = {each.name: each.table().model_dump(mode="json") for each in occasional}
    changes = {name: table for name, table in training["augmentation"].items() if table != younger.get(name)}
    keys = config.flat({**tables, "training": {**training, "augmentation": changes}})
    return {key: value for key, value in keys if YOUNGER.get(key, ...) != value}


def _check_scheme(configuration: Config) -> Iterator[Problem]:
    """Refuse a scheme of denoising that the method, the initial weights or the ensemble contradict."""
    method, scheme = method_of(configuration), configuration.scheme
    key, told = ("scheme", "name"), f"{scheme.name!r} cannot be combined with"
    if scheme.name == "baseline":
        return
    if not method.has_network:
        yield key, f"{told} external results, which have no network; use 'baseline'"
    elif not method.finds_instances:
        yield key, f"{told} model.method = {method.base!r}, which is what it makes use of; use another method"
    for other in ("checkpoint", "encoder_weights") if scheme.finetunes else ():
        if getattr(configuration.init, other):
            yield key, f"{told} init.{other}: training begins with the weights of the denoiser; set init.{other} = ''"
    if scheme.denoises and configuration.prediction.ensemble:
        yield key, f"{told} prediction.ensemble: each member needs images that its own denoiser has made"


def _check(configuration: Config) -> Iterator[Problem]:
    """Refuse scores of instances where the method finds points, and an ensemble whose training is a mean of others."""
    yield from _check_scheme(configuration)
    if configuration.prediction.ensemble and configuration.validation.trained_models:
        yield (
            ("prediction", "ensemble"),
            "cannot be combined with validation.trained_models, by which no volumes are left to validate the ensemble "
            "on; set one of them to []",
        )
    method = method_of(configuration)
    if method.task == "segmentation":
        return
    table, but = configuration.evaluation, f"instances, but the method {method.name} predicts points"
    known = metric_paths([table.detection], segmentation=False)
    for key, paths in {"metric": [table.metric], "summary": table.summary}.items():
        for path in paths:
            if path not in ("auto", *known):
                yield ("evaluation", key), f"{path!r} is a score of {but}; use another one, such as {known[-7]}"
    for name in table.metrics:
        if name in METRICS and METRICS[name].needs != "points":
            yield ("evaluation", "metrics"), f"{name!r} is a metric of {but}; remove it"


_BOTH = Extension(check=_check)


def part(tables: dict[str, Any]) -> Extension:
    """Check what concerns methods and metrics together."""
    return _BOTH


PARTS = (
    auxcpvloss.data.config_part.part,
    auxcpvloss.methods.config_part.part,
    auxcpvloss.augment.config_part.part,
    auxcpvloss.network.config_part.part,
    auxcpvloss.metrics.config_part.part,
    part,
)
