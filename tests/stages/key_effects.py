"""For every key of the configuration: another value, the stages whose results it makes stale, and words for it."""

from typing import Any, NamedTuple

from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.augment.augmentation import Augmentation

PREPARED = frozenset({"prepare"})
TESTED = frozenset({"predict", "label", "evaluate", "visualize", "export", "report"})
VALIDATED = frozenset({"validate_checkpoints", "cross_validate"})
CHOSEN = TESTED | VALIDATED
"""What depends on predictions or on which of them won."""
TRAINED = CHOSEN | {"train"}
BUILT = TRAINED | {"mknet"}
NOTHING: frozenset[str] = frozenset()
SHOWN = frozenset({"report"})
"""The report shows every key, and so follows each of them, but for those that are said for one command."""
NOT_SHOWN = ("general.overwrite", "general.logging")

FOLDED = TRAINED - {"cross_validate"}
"""A single volume validates, which cannot be dealt into halves."""
DEEP = {
    "model.downsample_factors": [[2, 2, 2]] * 2,
    "model.fmap_inc_factors": [2] * 2,
    "model.fmap_dec_factors": [2] * 2,
    "model.test_input_shape": [28, 28, 28],
}
"""A network that has a coarser level on the way up."""
FOREIGN = {
    "model.architecture": "fpn",
    "model.encoder": "MobileNet",
    "model.ndim": 2,
    "model.test_input_shape": [],
}
"""A network with an encoder that takes weights of others."""
FOLDS = {"data.num_folds": 3, "validation.fold": 1}


class Effect(NamedTuple):
    """What a key is changed to, with the keys that have to go with it; the stages; a part of the reason that is told."""

    change: dict[str, Any]
    stages: frozenset[str]
    words: str = ""


def _one(key: str, value: Any, stages: frozenset[str], words: str | None = None, **others: Any) -> tuple[str, Effect]:
    stages = stages if key in NOT_SHOWN else stages | SHOWN
    told = "" if not stages else key if words is None else words
    return key, Effect({key: value, **others.pop("others", {})}, stages, told)


def _of_augmentation(augmentation: Augmentation[Any], key: str) -> frozenset[str]:
    """What a key decides while the others are at their defaults: of an augmentation that is off, none but one does."""
    return TRAINED if key == "probability" or "probability" not in augmentation.table.model_fields else NOTHING


def effects(folder: str, checkpoint: str, run: str) -> dict[str, Effect]:
    """The table: `folder` of other volumes, a `checkpoint`, and another experiment, `run`."""
    data = PREPARED | TRAINED
    return dict([
        _one("general.seed", 43, TRAINED),
        _one("general.logging", "debug", NOTHING),
        _one("general.overwrite", True, NOTHING),
        # Whatever the order of sums, the weights are those of the same training.
        _one("general.deterministic", False, NOTHING),
        _one("general.backend", "torch", NOTHING),
        _one("data.path", folder, data, "volume p is new", others={"data.input_format": "tif", "data.split": [0.3, 0.4, 0.3]}),
        _one("data.available_at", "https://somewhere", NOTHING),
        _one("data.train_data", folder, data, "volume p is new"),
        _one("data.val_data", folder, PREPARED | CHOSEN, "volume p is new"),
        _one("data.test_data", folder, PREPARED | TESTED, ""),
        _one("data.unlabelled_data", folder, PREPARED, ""),
        _one("data.input_format", "tif", data, "volume p is new", others={"data.train_data": folder, "data.val_data": folder, "data.test_data": folder}),
        _one("data.test_format", "tif", NOTHING),
        # Of what is generated nothing but the place depends on how files would be read.
        _one("data.images", "raws", PREPARED, ""),
        _one("data.masks", "labels", PREPARED, ""),
        _one("data.mask_pattern", "{name}_mask", PREPARED, ""),
        _one("data.raw_key", "a/b", data),
        _one("data.gt_key", "a/c", data),
        # What is read of the files is the same, or they are refused.
        _one("data.fill_chunks", True, NOTHING),
        _one("data.axes", "CZYX", data),
        _one("data.channel", 1, data),
        _one("data.ignore_label", 255, data),
        _one("data.annotated_box", True, data),
        _one("data.split_pieces", True, data),
        _one("data.voxel_size", [2, 1, 1], data),
        _one("data.test_voxel_size", [2, 1, 1], PREPARED | TESTED),
        _one("data.target_voxel_size", [2, 1, 1], data),
        _one("data.voxel_unit", "micrometer", frozenset({"export", "report"})),
        _one("data.padding", [1, 1, 1], data),
        _one("data.split", [0.5, 0.3, 0.2], PREPARED, ""),
        _one("data.split_seed", 1, PREPARED, ""),
        _one("data.groups", "{group}_*", PREPARED, ""),
        # The only training volume serves in any case, and of the two for validation one then.
        _one("data.use", 0.5, FOLDED - {"train"}, "is gone"),
        _one("data.use_val", 1, FOLDED - {"train"}, "is gone"),
        # All serve, whatever the seed.
        _one("data.use_seed", 5, NOTHING),
        # It permits or refuses, and changes no result.
        _one("data.allow_repeats", True, NOTHING),
        _one("data.num_folds", 3, FOLDED, "is new", others={"validation.fold": 1}),
        _one("data.synthetic.kind", "nuclei", data, "is new"),
        _one("data.synthetic.train", 2, data, "volume worm_01 is new"),
        _one("data.synthetic.val", 3, PREPARED | CHOSEN, "volume worm_03 is new"),
        _one("data.synthetic.test", 2, PREPARED | TESTED, "volume worm_04 is new"),
        _one("data.synthetic.shape", [20, 20, 28], data, "the file of"),
        _one("data.synthetic.nuclei", 4, data, "the file of"),
        _one("data.synthetic.seed", 2, data, "the file of"),
        _one("data.synthetic.photons", 1.0, data, "the file of"),
        _one("data.synthetic.blur", 1.2, data, "the file of"),
        _one("data.synthetic.dimmest", 0.1, data, "the file of"),
        _one("data.synthetic.spacing", 0.8, data, "the file of"),
        _one("data.synthetic.annotation_error", 0.1, data, "the file of"),
        _one("data.degrade.gaussian", 10.0, data),
        _one("data.degrade.gaussian_length", 2, data, "data.degrade.gaussian", others={"data.degrade.gaussian": 10.0}),
        _one("data.degrade.poisson", 2.0, data),
        _one("data.degrade.blur", 1.0, data),
        _one("data.degrade.brightness", 0.5, data),
        _one("data.degrade.labels", 0.5, data),
        # Of what is not done, how it is done.
        _one("data.degrade.clip", True, NOTHING),
        _one("data.degrade.splits", ["test"], NOTHING),
        _one("data.degrade.label_splits", ["train"], NOTHING),
        _one("data.degrade.seed", 3, NOTHING),
        _one("preprocessing.normalize", "min_max", data),
        _one("preprocessing.lower_percentile", 9.0, data),
        _one("preprocessing.upper_percentile", 90.0, data),
        _one("preprocessing.square", True, data),
        _one("preprocessing.cuberoot", True, data),
        _one("model.method", "threeclass", BUILT),
        _one("model.auxiliary", [], BUILT, "model.method"),
        _one("model.architecture", "residual_unet", BUILT),
        _one("model.networks", "separate", BUILT, "model.", others={"model.method": "affinities"}),
        _one("model.ndim", 2, BUILT, "model."),
        _one("model.train_input_shape", [12, 12, 12], BUILT),
        _one("model.test_input_shape", [16, 16, 16], frozenset({"mknet"})),
        _one("model.num_fmaps", 4, BUILT),
        _one("model.fmap_inc_factors", [3], BUILT),
        _one("model.fmap_dec_factors", [1], BUILT),
        _one("model.downsample_factors", [[1, 2, 2]], BUILT),
        _one("model.kernel_size", [1, 3, 3], BUILT),
        _one("model.num_repetitions", 2, BUILT),
        _one("model.activation", "elu", BUILT),
        _one("model.normalization", "batch", BUILT),
        _one("model.normalization_groups", 1, NOTHING),
        _one("model.padding", "valid", BUILT, others={"model.train_input_shape": [12, 12, 12]}),
        _one("model.upsampling", "transposed_conv", BUILT),
        _one("model.loss_threeclass_coeff", 2.0, TRAINED),
        _one("model.loss_cpv_coeff", 2.0, TRAINED),
        _one("model.loss_cpv_background", 0.5, TRAINED),
        _one("optimizer.optimizer", "SGD", TRAINED),
        _one("optimizer.lr", 0.5, TRAINED),
        _one("optimizer.lr_schedule", "plateau", TRAINED),
        _one("optimizer.warmup", 1, TRAINED),
        _one("optimizer.min_lr", 1e-6, NOTHING),
        _one("optimizer.plateau_factor", 0.1, NOTHING),
        _one("optimizer.plateau_patience", 7, NOTHING),
        _one("optimizer.beta1", 0.5, TRAINED),
        _one("optimizer.beta2", 0.5, TRAINED),
        _one("optimizer.epsilon", 0.5, TRAINED),
        _one("optimizer.clip_norm", 1.0, TRAINED),
        _one("optimizer.clip_value", 1.0, TRAINED),
        _one("optimizer.accumulate", 2, TRAINED),
        _one("optimizer.average", 0.9, TRAINED),
        _one("optimizer.options", {"weight_decay": 0.1}, TRAINED),
        _one("init.checkpoint", checkpoint, TRAINED, "init"),
        _one("init.match", ["down_*"], NOTHING),
        _one("init.skip", ["heads"], NOTHING),
        _one("init.freeze_iterations", 1, NOTHING),
        _one("init.encoder_weights", checkpoint, BUILT, "model.encoder", others=FOREIGN),
        _one("training.batch_size", 2, BUILT),
        _one("training.max_iterations", 4, frozenset({"train"}), "iterations 3 to 4 remain to be done"),
        _one("training.checkpoints", 2, NOTHING),
        _one("training.snapshots", 1, NOTHING),
        _one("training.log_every", 2, NOTHING),
        _one("training.profiling", 2, NOTHING),
        _one("training.num_workers", 2, NOTHING),
        _one("training.cache_size", 2, NOTHING),
        _one("training.p_nonempty", 0.5, TRAINED),
        _one("training.sampling", "nuclei", TRAINED),
        _one("training.class_loss", "dice", TRAINED),
        _one("training.deep_supervision", True, BUILT, "", others=DEEP),
        _one("training.class_balance", "data", TRAINED),
        _one("training.focal_gamma", 1.0, NOTHING),
        _one("training.validation_batches", 1, frozenset({"train"}), "validation of checkpoint 2"),
        _one("training.early_stop", 1, frozenset({"train"}), "validation of checkpoint 2"),
        _one("training.folds", [2], FOLDED, others=FOLDS),
        _one("training.precision", "mixed_bfloat16", BUILT),
        *(
            _one(f"training.augmentation.{each.name}.{key}", field.examples[0], _of_augmentation(each, key))
            for each in AUGMENTATIONS
            for key, field in each.table.model_fields.items()
        ),
        _one("training.augmentation.one_of", [["gamma", "contrast"]], TRAINED, others={f"training.augmentation.{name}.probability": 0.5 for name in ("gamma", "contrast")}),
        # The same as to switch it off.
        _one("training.augmentation.without", ["flips"], TRAINED, "training.augmentation.simple.mirror"),
        # What it needs is missing, and what was made without it is stale.
        _one("scheme.name", "sequential", TRAINED | {"pretrain", "denoise"}),
        _one("scheme.alpha", 0.2, NOTHING),
        # There is no pretraining.
        _one("pretrain.images", ["train"], NOTHING),
        _one("pretrain.max_iterations", 3, NOTHING),
        _one("pretrain.checkpoints", 3, NOTHING),
        _one("pretrain.batch_size", 3, NOTHING),
        _one("pretrain.lr", 0.1, NOTHING),
        _one("pretrain.lr_schedule", "constant", NOTHING),
        _one("pretrain.blind_share", 0.1, NOTHING),
        _one("pretrain.blind_radius", 2, NOTHING),
        _one("pretrain.blind_extent", [0, 0, 1], NOTHING),
        _one("prediction.dtype", "float16", CHOSEN),
        _one("prediction.precision", "float32", CHOSEN),
        _one("prediction.augment", "flips", CHOSEN),
        # An experiment that was trained cannot become one.
        _one("prediction.ensemble", [run], CHOSEN - {"cross_validate", "visualize", "export"}, "has weights of its own"),
        # It changes how sums are rounded.
        _one("prediction.tile_memory", 0.25, NOTHING),
        _one("postprocessing.output_format", "zarr", frozenset({"label"})),
        # Those that validation chooses are not taken from here.
        _one("postprocessing.fg_thresh", 0.2, NOTHING),
        _one("postprocessing.seed_thresh", 0.2, NOTHING),
        _one("postprocessing.flood", "volume", CHOSEN),
        _one("postprocessing.num_dilations", 1, CHOSEN),
        _one("postprocessing.min_size", 7, CHOSEN),
        _one("postprocessing.use_cpv_for_seeds", True, CHOSEN),
        _one("postprocessing.cpv_thresh", 3.0, NOTHING),
        _one("postprocessing.seeds", "both", CHOSEN),
        _one("postprocessing.vote_width", 0.5, NOTHING),
        _one("postprocessing.vote_fraction", 0.5, NOTHING),
        _one("postprocessing.assign", "both", CHOSEN),
        _one("postprocessing.assign_distance", 0.5, NOTHING),
        _one("validation.checkpoints", [2], CHOSEN, "checkpoint 1 is gone"),
        _one("validation.average_last", 2, CHOSEN, "checkpoint mean_1-2 is new"),
        _one("validation.param_product", True, CHOSEN),
        _one("validation.refine", "always", CHOSEN),
        # Results of their own: there are none yet.
        _one("validation.on_train", True, CHOSEN - {"cross_validate", "visualize", "export"}, ""),
        _one("validation.fold", 2, FOLDED, "is new", others={"data.num_folds": 3}),
        _one("validation.trained_models", [run], TRAINED - {"cross_validate", "visualize", "export"}, "trained_models"),
        _one("validation.num_workers", 2, NOTHING),
        # There are none yet.
        _one("validation.keep", "instances", frozenset({"validate_checkpoints"})),
        _one("validation.fg_thresh", [0.3, 0.6], CHOSEN),
        _one("validation.seed_thresh", [0.3, 0.6], CHOSEN),
        _one("validation.flood", ["volume", "foreground"], CHOSEN),
        _one("validation.num_dilations", [0, 1], CHOSEN),
        _one("validation.min_size", [0, 7], CHOSEN),
        _one("validation.use_cpv_for_seeds", [False, True], CHOSEN),
        _one("validation.cpv_thresh", [3.0, 4.0], CHOSEN),
        _one("validation.seeds", ["interior", "votes"], CHOSEN),
        _one("validation.vote_width", [0.2, 0.5], CHOSEN),
        _one("validation.vote_fraction", [0.2, 0.5], CHOSEN),
        _one("validation.assign", ["watershed", "both"], CHOSEN),
        _one("validation.assign_distance", [0.2, 0.5], CHOSEN),
        _one("evaluation.do_detection", True, CHOSEN),
        _one("evaluation.metric", "confusion_matrix.avAP", CHOSEN),
        _one("evaluation.detection", "linear", CHOSEN),
        _one("evaluation.distance_limit", 3.0, NOTHING),
        _one("evaluation.foreground_only", True, CHOSEN),
        _one("evaluation.use_linear_sum_assignment", False, CHOSEN),
        _one("evaluation.metrics", ["dice"], frozenset({"evaluate", "visualize", "export", "report"})),
        _one("evaluation.summary", ["confusion_matrix.avAP"], frozenset({"evaluate", "report"})),
        _one("evaluation.colors", "colorblind", frozenset({"evaluate", "visualize", "report"})),
    ])  # fmt: skip
