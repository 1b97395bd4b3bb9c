import shutil
import tomllib

import numpy as np
import pytest
import tifffile

from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import LEDGER, ledger
from auxcpvloss.experiment.selection_file import Selection, read_selection, validated_checkpoints, write_selection
from auxcpvloss.experiment.training_record import record_path, training_keys, training_record
from auxcpvloss.stages.order import STAGES, wanted
from auxcpvloss.stages.run import Choice
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from tests.conftest import blobs, configure
from tests.stages.running import perform

difference = Records().difference


def test_differences_are_named():
    assert difference({"a": 1, "b": {"c": [1, 2]}}, {"a": 1, "b": {"c": [1, 2]}}) is None
    assert difference({"a": 1, "b": {"c": 1}}, {"a": 1, "b": {"c": 2}}) == "b.c was 1, is 2"
    assert difference({"a": 1}, {}) == "a was 1, is no longer recorded"
    # Left out at the value that was implied before there was the key.
    auto = {"prediction": {"precision": "auto"}}
    assert difference(auto, {"prediction": {}}) == "prediction.precision was 'auto', is 'training'"
    assert difference({"prediction": {}}, auto) == "prediction.precision was 'training', is 'auto'"


def test_cosines_that_ended_early_are_another_version(tmp_path):
    """Where gradients were accumulated by an option of the optimizer, before there was a key."""

    def version(**optimizer):
        return training_keys(Experiment(tmp_path, configure(optimizer=optimizer)))["version of train"]

    steps = {"gradient_accumulation_steps": 2}
    assert version(lr_schedule="cosine", options=steps) == version(lr_schedule="cosine", accumulate=2) == 2
    assert version(lr_schedule="cosine") == version(lr_schedule="constant", options=steps) == 1


def test_distances_beside_what_is_not_annotated_are_another_version(tmp_path):
    """Which were learned as if it did not end nuclei."""

    def version(method, **data):
        config = configure(model={"method": method}, data=data)
        return training_keys(Experiment(tmp_path, config))["version of train"]

    for data in ({"ignore_label": 9}, {"annotated_box": True}, {"degrade": {"labels": 0.5}}):
        assert [version(method, **data) for method in ("nedt_border", "sdt_edt", "sdt_cpv")] == [2, 2, 1]
    assert version("nedt_border") == version("sdt_edt") == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"training": {"p_nonempty": 0.1}}, "training.p_nonempty"),
        ({"training": {"batch_size": 2}}, "training.batch_size"),
        ({"training": {"precision": "mixed_bfloat16"}}, "training.precision"),
        ({"optimizer": {"lr_schedule": "cosine"}}, "optimizer.lr_schedule"),
        ({"preprocessing": {"lower_percentile": 9}}, "preprocessing.lower_percentile"),
        ({"general": {"seed": 1}}, "general.seed"),
        ({"model": {"num_fmaps": 5}}, "model.num_fmaps"),
        ({"training": {"max_iterations": 9, "num_workers": 0, "checkpoints": 1}}, None),
        ({"training": {"snapshots": 0, "log_every": 2, "cache_size": 1}}, None),
        ({"model": {"test_input_shape": [44, 44, 44]}}, None),
        ({"postprocessing": {"fg_thresh": 0.1}, "data": {"path": "x"}}, None),
    ],
)
def test_the_weights_depend_on_these_keys(change, named, tmp_path):
    changed = difference(training_keys(Experiment(tmp_path, configure())), training_keys(Experiment(tmp_path, configure(**change))))  # fmt: skip
    assert changed is None if named is None else changed.startswith(named)


def test_the_length_of_a_schedule_shapes_the_weights(tmp_path):
    keys = [
        training_keys(
            Experiment(tmp_path, configure(optimizer={"lr_schedule": "cosine"}, training={"max_iterations": n}))
        )
        for n in (4, 6)
    ]
    assert difference(*keys) == "training.max_iterations was 4, is 6"


def test_volumes_prepared_otherwise_lie_elsewhere(tmp_path):
    one, other = (Experiment(tmp_path / "e", configure(preprocessing={"lower_percentile": p})) for p in (3, 9))
    assert one.data_folder("train") != other.data_folder("train")
    assert one.data_folder("train") == Experiment(tmp_path / "f", configure()).data_folder("train")
    # Where they could be had is no part of what they are.
    told = Experiment(tmp_path / "g", configure(data={"available_at": "https://somewhere"}))
    assert one.data_folder("train") == told.data_folder("train")


def test_keys_that_are_younger_do_not_move_what_was_prepared_before(tmp_path):
    data = {"path": "/somewhere", "voxel_size": [2.5, 1, 1]}
    found = [Experiment(tmp_path / "e", configure(data=data | more)) for more in ({}, {"channel": 1})]
    # Written down with the keys of the first release.
    assert [each.data_folder("train").parent.name == "somewhere-c1bd8ea4" for each in found] == [True, False]


def test_only_numbered_files_are_checkpoints(tmp_path):
    experiment = Experiment(tmp_path, configure())
    folder = experiment.checkpoints.path(4).parent
    folder.mkdir(parents=True)
    for name in ("00000004.keras", "00000012.keras", "00000004 (copy).keras", ".tmp-host-1-00000006.keras"):
        (folder / name).touch()
    assert experiment.checkpoints.iterations() == [4, 12]
    with pytest.raises(InputError, match=r"no checkpoint of iteration 5 in .*; available: 4, 12"):
        experiment.checkpoints.need(5)


def test_of_the_parameters_only_the_chosen_ones_are_kept(tmp_path):
    experiment = Experiment(tmp_path, configure())
    params = experiment.params.model_copy(update={"fg_thresh": 0.25})
    write_selection(experiment, Selection(3, params), ["fg_thresh"], 0.5, {"checkpoints": [1, 3]}, {})
    assert tomllib.loads(experiment.selection_path.read_text())["params"] == {"fg_thresh": 0.25}
    assert validated_checkpoints(experiment) == [1, 3]
    later = Experiment(tmp_path, configure(postprocessing={"min_size": 7, "fg_thresh": 0.5}))
    assert (
        read_selection(later).params.model_dump() | {"fg_thresh": 0.25, "min_size": 7}
        == read_selection(later).params.model_dump()
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("params = {xyz = 3}", r"damaged: params\.xyz: unknown key; known: "),
        ('params = {fg_thresh = "abc"}', r"damaged: params\.fg_thresh: must be a number, not 'abc'\.\nRun"),
        ("params = 3", "damaged: params: must be a table, not 3"),
        (f"params = {'[' * 9999}", "damaged: .*recursion"),
    ],
)
def test_a_selection_edited_by_hand_is_refused_by_key(tmp_path, written, message):
    experiment = Experiment(tmp_path, configure())
    write_text(experiment.selection_path, f'checkpoint = 2\nmetric = "AP"\n{written}\n[made_from]\n')
    with pytest.raises(InputError, match=message):
        read_selection(experiment)


@pytest.mark.parametrize("damage", ["[]", "3", "[" * 99999])
def test_records_that_are_no_table_count_as_missing(tmp_path, damage):
    experiment = Experiment(tmp_path, configure())
    for path in (tmp_path / LEDGER, record_path(experiment), experiment.checkpoints.path(4), tmp_path / "records.json"):
        write_text(path, damage)
    assert ledger(tmp_path) == {}
    assert training_record(experiment) is None
    assert experiment.records.difference({"a": 1}, {"a": 2}) == "a was 1, is 2"


def test_all_leaves_validation_out_where_nobody_asks_for_its_choice():
    assert list(wanted(["all"], Choice())) == [name for name, stage in STAGES.items() if stage.in_all]
    assert wanted(["all", "visualize"], Choice())[-2:] == ("visualize", "report")
    assert "cross_validate" in wanted(["all", "cross_validate"], Choice())
    assert "validate_checkpoints" not in wanted(["all"], Choice("last"))
    assert "validate_checkpoints" not in wanted(["all"], Choice(checkpoint=4))
    assert wanted(["evaluate", "validate_checkpoints"], Choice("last")) == ("validate_checkpoints", "evaluate")


def test_prepared_volumes_serve_without_their_sources(tmp_path):
    labels = blobs((20, 20, 20), 4, seed=0)
    for kind, array in (("images", labels.astype(np.uint8) * 9), ("masks", labels)):
        (tmp_path / "data" / "test" / kind).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "data" / "test" / kind / "a.tif", array)
    experiment = Experiment(tmp_path / "root" / "e", configure(data={"input_format": "auto", "path": str(tmp_path / "data")}))  # fmt: skip
    perform(experiment, "prepare")
    shutil.rmtree(tmp_path / "data")
    assert [sample.name for sample in experiment.samples("test")] == ["a"]
    with pytest.raises(InputError, match="data"):
        experiment.samples("train")


def test_where_checkpoints_were_not_brought_along_predictions_tell_them(tmp_path):
    experiment = Experiment(tmp_path, configure())
    for name in ("4/a.zarr", "4/b.zarr", "12/a.zarr", "16/.tmp-host-1-a.zarr", "notes/a.zarr"):
        (tmp_path / "val" / "processed" / name).mkdir(parents=True)
    assert (experiment.usable_checkpoints("val"), experiment.usable_checkpoints("test")) == ([4, 12], [])
    experiment.need_usable("val", 12)
    with pytest.raises(InputError, match="no checkpoint of iteration 16"):
        experiment.need_usable("val", 16)
    experiment.checkpoints.path(8).parent.mkdir(parents=True)
    experiment.checkpoints.path(8).touch()
    assert experiment.usable_checkpoints("val") == [8]
