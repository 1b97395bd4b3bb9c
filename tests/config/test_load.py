import math
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.config import ConfigFile, defaults, dump, find_config, find_setup, known, write
from auxcpvloss.config.places import config_folder
from auxcpvloss.experiment.configuration import load
from auxcpvloss.methods import AUXILIARY, method_of
from auxcpvloss.system.errors import InputError
from tests.conftest import configure, shipped


def problem(**tables) -> str:
    with pytest.raises(InputError) as error:
        load([ConfigFile("my.toml", tables)])
    return str(error.value)


def test_places_are_merged_left_to_right_over_the_defaults():
    config = load([ConfigFile("a", {"general": {"seed": 1}, "optimizer": {"lr": 0.5}}), ConfigFile("b", {"general": {"seed": 2}})])  # fmt: skip
    assert (config.general.seed, config.optimizer.lr) == (2, 0.5)
    assert config.training.batch_size == defaults().tables["training"]["batch_size"]


@pytest.mark.parametrize(("places", "name"), [
    ([], "threeclass_cpv"),
    ([{"method": "sdt"}], "sdt"),
    ([{"auxiliary": ["edt"]}], "threeclass_edt"),
    ([{"auxiliary": []}], "threeclass"),
    ([{"method": "gauss_edt", "auxiliary": ["cpv", "cpv"]}], "gauss_cpv_edt"),
    ([{"method": "threeclass", "auxiliary": ["cpv"]}, {"method": "sdt"}], "sdt"),
    ([{"method": "sdt_cpv"}, {"auxiliary": ["edt", "cpv"]}], "sdt_cpv_edt"),
    ([{"method": "nedt_border", "auxiliary": ["edt", "cpv"]}], "nedt_border_cpv_edt"),
    ([{"method": "threeclass_cpv"}, {"method": "threeclass_outer_edt"}], "threeclass_outer_edt"),
])  # fmt: skip
def test_the_short_and_the_long_form_of_a_method_are_the_same(places, name):
    config = load([ConfigFile("a", {"model": model}) for model in places])
    assert method_of(config).name == name
    assert load([ConfigFile("short", {"model": {"method": name}})]) == config == load([ConfigFile("b", dump(config))])


def test_a_list_replaces_a_list():
    assert (
        load(
            [ConfigFile("a", {"training": {"augmentation": {"simple": {"mirror": []}}}})]
        ).training.augmentation.simple.mirror
        == []
    )


@pytest.mark.parametrize("path", ["a\x7fb", "tab\there", 'quote"\\', "\xa0"])
def test_any_text_reads_back_equal(tmp_path, path):
    config = configure(data={"path": path})
    write(config, tmp_path / "config.toml")
    assert load([ConfigFile.read(tmp_path / "config.toml")]) == config


@given(
    lr=st.floats(min_value=1e-300, max_value=1e30),
    shift=st.floats(min_value=-1e9, max_value=0),
    path=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])),
    voxel_size=st.one_of(st.just([]), st.lists(st.floats(min_value=1e-3, max_value=1), min_size=3, max_size=3)),
)
def test_what_is_written_reads_back_equal(tmp_path_factory, lr, shift, path, voxel_size):
    config = configure(
        optimizer={"lr": lr},
        training={"augmentation": {"intensity": {"shift": [shift, 1]}}},
        data={"path": path, "voxel_size": voxel_size},
        validation={"fg_thresh": [0.1, 0.30000000000000004], "seed_thresh": [0.5, 0.9]},
    )
    file = tmp_path_factory.mktemp("round") / "config.toml"
    write(config, file)
    assert (load([ConfigFile.read(file)]), tomllib.loads(file.read_text())) == (config, dump(config))


def test_the_written_file_is_whole():
    assert set(dump(configure())) == set(defaults().tables)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"training": {"max_iteration": 3}}, "my.toml: training.max_iteration: unknown key; did you mean 'max_iterations'?"),
        ({"trainig": {}}, "my.toml: trainig: unknown key; did you mean 'training'?"),
        ({"training": {"augmentation": {"elastic": {"rotation": 3}}}}, "my.toml: training.augmentation.elastic.rotation: unknown key"),
        ({"optimizer": {"lr": -1}}, "my.toml: optimizer.lr: input should be greater than 0, not -1"),
        ({"optimizer": {"lr": math.inf}}, "my.toml: optimizer.lr"),
        ({"optimizer": {"warmup": 4}, "training": {"max_iterations": 4}}, "my.toml: optimizer.warmup: must be below training.max_iterations, 4"),
        ({"optimizer": {"warmup": 4, "lr_schedule": "plateau"}}, "warmup: cannot be combined with lr_schedule = 'plateau'"),
        ({"optimizer": {"accumulate": 5}, "training": {"max_iterations": 4}}, "my.toml: optimizer.accumulate: must not be above training.max_iterations, 4"),
        ({"training": {"batch_size": 1.5}}, "training.batch_size: must be a whole number, not 1.5"),
        ({"training": 3}, "my.toml: training: must be a table, not 3"),
        ({"model": 3}, "my.toml: model: must be a table"),
        ({"model": {"method": "treeclass"}}, "model.method: 'treeclass' is not a known method; known: affinities, affinities_cpv, threeclass,"),
        ({"model": {"method": "threeclass_cvp"}}, "'threeclass_cvp' is not a known method; known: affinities,"),
        ({"model": {"auxiliary": ["cpv", "cvp"]}}, "my.toml: model.auxiliary: 'cvp' is not a known auxiliary task; known: cpv, edt"),
        ({"model": {"auxiliary": "cpv"}}, "my.toml: model.auxiliary: must be a list of cpv, edt, "),
        ({"model": {"auxiliary": [["cpv"]]}}, "model.auxiliary: ['cpv'] is not a known auxiliary task"),
        ({"model": {"method": "gauss", "auxiliary": ["cpv"]}, "postprocessing": {"cpv_thresh": 9}}, "the method gauss_cpv has no such parameter"),
        ({"model": {"train_input_shape": [92, 92]}}, "model.train_input_shape: has too few entries"),
        ({"model": {"train_input_shape": [92, 92, 93]}}, "(along x); the nearest valid sizes are z: 92 or 96; y: 92 or 96; x: 92 or 96"),
        ({"model": {"train_input_shape": [4, 92, 92]}}, "nearest valid sizes are z: 44;"),
        ({"model": {"downsample_factors": [[2, 2, 2]]}}, "fmap_inc_factors: needs one number per entry of downsample_factors"),
        ({"model": {"kernel_size": [2, 3, 3]}}, "model.kernel_size: must be odd"),
        ({"model": {"method": "threeclass", "loss_cpv_coeff": 1}}, "model.loss_cpv_coeff: the method threeclass has no such head; its heads: threeclass; remove the key, or change model.method or model.auxiliary"),
        ({"model": {"method": "threeclass_border"}}, "'threeclass_border' is not a known method"),
        ({"model": {"method": "threeclass", "loss_threeclass_weights": [1, 1, 1]}}, "the method threeclass has no such head; none of its heads has such a key"),
        ({"model": {"method": "threeclass_outer", "loss_outer_weights": [1, 5]}}, "model.loss_outer_weights: needs 3 weights, one a class"),
        ({"model": {"method": "threeclass_outer", "loss_outer_weights": [0, 0, 0]}}, "model.loss_outer_weights: needs 3 weights, one a class, of which not all are 0"),
        ({"model": {"method": "threeclass_outer"}, "training": {"class_balance": "none"}}, "training.class_balance: 'none' has no effect where model.loss_outer_weights weigh the classes; set them to []"),
        ({"postprocessing": {"fg_thresh": 1.5}}, "postprocessing.fg_thresh: input should be less than 1, not 1.5"),
        ({"postprocessing": {"fg_tresh": 0.5}}, "did you mean 'fg_thresh'?"),
        ({"model": {"method": "gauss"}, "validation": {"fg_thresh": [0.5]}}, "validation.fg_thresh: the method gauss has no such parameter; its parameters: gauss_thresh, nms_size; remove the key, or change model.method or model.auxiliary"),
        ({"model": {"method": "sdt"}, "postprocessing": {"cpv_thresh": 9}}, "postprocessing.cpv_thresh: the method sdt has no such parameter; its parameters: "),
        ({"evaluation": {"metric": "confusion_matrix.th_0_5.FN"}}, "my.toml: evaluation.metric: a higher 'confusion_matrix.th_0_5.FN' is not better"),
        ({"evaluation": {"metric": "general.num_pred"}}, "my.toml: evaluation.metric: a higher 'general.num_pred' is not better"),
        ({"validation": {"fg_thresh": [0.5, 2]}}, "validation.fg_thresh: input should be less than 1, not 2"),
        ({"validation": {"fg_thresh": [0.5, 0.6], "seed_thresh": [0.5]}}, "must have the same length (fg_thresh has 2, seed_thresh has 1)"),
        ({"validation": {"param_product": True, "fg_thresh": [0.5] * 400, "seed_thresh": [0.5] * 400}}, "my.toml: validation.param_product: the lists have 160,000 combinations"),
        ({"data": {"voxel_size": [1, 1]}}, "data.voxel_size: needs three numbers"),
        ({"data": {"split": [0.5, 0.2, 0.2]}}, "data.split: the fractions of train, val and test must add up to 1"),
        ({"preprocessing": {"lower_percentile": 99.9}}, "preprocessing.upper_percentile: must be above lower_percentile"),
        ({"optimizer": {"lr": "0.5"}}, "my.toml: optimizer.lr: must be a number, not '0.5'"),
        ({"training": {"batch_size": True}}, "training.batch_size: must be a whole number, not True"),
        ({"evaluation": {"metric": "confusion_matrix.th_0_5.APP"}}, "unknown score 'confusion_matrix.th_0_5.APP'; known scores include confusion_matrix.th_0_5.AP"),
        ({"evaluation": {"metric": "confusion_matrix.linear.AP"}}, "my.toml: evaluation.metric: 'confusion_matrix.linear.AP' is a score of evaluation.detection = 'linear', but it is 'hoefener'"),
        ({"evaluation": {"detection": "greedy", "summary": ["general.num_gt", "confusion_matrix.hoefener.TP"]}}, "my.toml: evaluation.summary: 'confusion_matrix.hoefener.TP' is a score of evaluation.detection = 'hoefener', but it is 'greedy'"),
        ({"evaluation": {"metric": "quality.splits"}}, "my.toml: evaluation.metric: a higher 'quality.splits' is not better; choose a score that is higher for better results, such as AP, fscore or avAP"),
        ({"evaluation": {"metric": "by_size.small.recall"}}, "my.toml: evaluation.metric: 'by_size.small.recall' does not exist if a volume has no such nuclei; choose a score of all nuclei, such as confusion_matrix.avAP"),
        ({"evaluation": {"summary": ["confusion_matrix.avP"]}}, "my.toml: evaluation.summary: unknown score 'confusion_matrix.avP'; known scores include confusion_matrix.avAP"),
        ({"evaluation": {"metrics": ["dise"]}}, "my.toml: evaluation.metrics: 'dise' is not a metric that can be requested; known: f1, dice"),
        ({"evaluation": {"metrics": ["dice"]}, "model": {"method": "gauss"}}, "my.toml: evaluation.metrics: 'dice' is a metric of instances, but the method gauss predicts points; remove it"),
        ({"evaluation": {"metrics": ["hausdorff"], "metric": "hausdorff.HD95"}}, "my.toml: evaluation.metric: a higher 'hausdorff.HD95' is not better"),
        ({"evaluation": {"summary": ["dice.matched"]}}, "my.toml: evaluation.summary: 'dice.matched' is computed only on request; add 'dice' to evaluation.metrics"),
        ({"evaluation": {"detection": "hofener"}}, "my.toml: evaluation.detection"),
        ({"evaluation": {"distance_limit": 0.0}}, "my.toml: evaluation.distance_limit"),
        ({"model": {"test_input_shape": [60, 60, 61]}}, "model.test_input_shape: this network does not accept"),
        ({"model": {"padding": "same", "test_input_shape": [44, 44, 44]}}, "test_input_shape: with an input of 44 along z, padding"),
        ({"training": {"augmentation": {"elastic": {"rotation_min": 10, "rotation_max": 5}}}}, "rotation_max: must not be below"),
        ({"x[1]": 2}, "my.toml: x[1]: unknown key"),
        ({"training": {"augmentation": {"intensity": {"scale": [1.1, 0.9]}}}}, "scale: the first number must not be above the second"),
    ],
)  # fmt: skip
def test_a_wrong_key_or_value_is_named(tables, expected):
    assert expected in problem(**tables)


def test_each_error_has_one_line():
    assert len(problem(general={"seeed": 1}, optimizer={"lr": -1}).splitlines()) == 2


def test_the_place_of_the_key_is_named_not_the_last_place():
    with pytest.raises(InputError, match=r"^first\.toml: optimizer\.lr"):
        load([ConfigFile("first.toml", {"optimizer": {"lr": -1}}), ConfigFile("second.toml", {"general": {"seed": 1}})])


def test_unreadable_files_are_named(tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_text("[general\nseed = ")
    with pytest.raises(InputError, match=r"broken\.toml: not valid toml"):
        ConfigFile.read(broken)
    with pytest.raises(InputError, match=r"missing\.toml: no such configuration file"):
        ConfigFile.read(tmp_path / "missing.toml")
    broken.write_bytes("# Größe\n[general]\n# für\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"broken\.toml, line 1: not UTF-8 \(byte 0xf6\); save the file"):
        ConfigFile.read(broken)
    with pytest.raises(InputError, match="cannot be read"):
        ConfigFile.read(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_editors_on_windows_are_read(tmp_path, encoding):
    (tmp_path / "my.toml").write_bytes('# für\r\n[data]\r\npath = "Zürich"\r\n'.encode(encoding))
    assert ConfigFile.read(tmp_path / "my.toml").tables == {"data": {"path": "Zürich"}}


@pytest.mark.parametrize("path", [r"C:\Users\me", r"C:\xyz", r"data\ "])
def test_a_path_with_backslashes_gets_advice(tmp_path, path):
    (tmp_path / "my.toml").write_text(f'[data]\npath = "{path}"\n')
    with pytest.raises(InputError, match=r"my\.toml: not valid toml: .*line 2.*in single quotes: 'C:\\data'"):
        ConfigFile.read(tmp_path / "my.toml")


@pytest.mark.parametrize("line", ["path = \u201cdata\u201d", "path\u00a0= 'data'", "path = \u00abdata\u00bb"])
def test_typographic_quotes_and_spaces_are_named(tmp_path, line):
    (tmp_path / "my.toml").write_text(f"[data]\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"my\.toml: not valid toml: .*line 2.*typographic quotes or spaces"):
        ConfigFile.read(tmp_path / "my.toml")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_an_encoding_that_is_not_said_is_named(tmp_path, encoding):
    (tmp_path / "my.toml").write_bytes("[data]\n".encode(encoding))
    with pytest.raises(InputError, match=r"my\.toml: not a text file, or of an encoding .*save it as UTF-8"):
        ConfigFile.read(tmp_path / "my.toml")


def test_the_coefficient_of_a_head_can_be_set():
    assert configure(model={"loss_cpv_coeff": 0.25}).coefficient("cpv") == 0.25
    assert configure().coefficient("cpv") == 1


@pytest.mark.parametrize(("app", "setup"), [(app, setup) for app, setups in known().items() for setup in [None, *setups]])  # fmt: skip
def test_every_shipped_configuration_is_valid(app, setup):
    load(shipped(app, setup))


def test_unknown_names_list_the_known_ones():
    with pytest.raises(InputError, match=r"-a syntetic: unknown application; did you mean 'synthetic'\?; known: .*synthetic"):  # fmt: skip
        find_config("syntetic")
    with pytest.raises(InputError, match=r"-s nosuch: unknown setup of synthetic; known: .*threeclass_cpv"):
        find_setup("synthetic", "nosuch", AUXILIARY)


def test_every_default_has_a_comment():
    lines = (config_folder() / "default.toml").read_text().splitlines()
    documented, keys = False, 0
    for line in lines:
        if line.startswith("#"):
            documented = True
        elif not line.strip() or line.startswith("["):
            documented = False
        elif "=" in line:
            assert documented, line
            keys += 1
    assert keys > 50
