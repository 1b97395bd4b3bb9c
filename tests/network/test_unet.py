"""The builder as a property: whatever the keys, the network is what they say."""

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import layers

from auxcpvloss.config.tables import Model
from auxcpvloss.methods import METHODS
from auxcpvloss.network.architectures import architecture_of, geometry
from auxcpvloss.network.tiling import smallest_tileable
from tests.conftest import configure

HEADS = METHODS["threeclass_cpv"].heads


@pytest.fixture(autouse=True)
def _forget():
    """Graphs of networks that are gone would pile up."""
    yield
    keras.backend.clear_session()


def build(model, shape=None, precision="float32"):
    keras.utils.set_random_seed(0)
    return architecture_of(model).build(model, HEADS, tuple(shape or model.train_input_shape), precision, 1, False)


def predict(network, raw):
    """Vectors, without the second that a graph takes to be made."""
    return keras.ops.convert_to_numpy(network(raw)["cpv"])


def completed(**keys) -> Model:
    """A model whose inputs are the smallest ones that it can take."""
    levels = len(keys["downsample_factors"])
    flat = keys["ndim"] == 2
    factors = [[1, *level[1:]] if flat else level for level in keys["downsample_factors"]]
    kernel = [1, *keys["kernel_size"][1:]] if flat else keys["kernel_size"]
    bare = Model.model_construct(**keys | {"downsample_factors": factors, "kernel_size": kernel})
    shape = [smallest_tileable(g) for g in geometry(bare)]
    assume(np.prod(shape) < 60_000)
    sizes = {"train_input_shape": shape, "test_input_shape": shape}
    return configure(model=keys | sizes | {"num_fmaps": 2, "fmap_inc_factors": [2] * levels, "fmap_dec_factors": [2] * levels}).model  # fmt: skip


axes = st.tuples(*[st.integers(1, 3)] * 3).map(list)
architectures = st.sampled_from(["unet", "residual_unet"])
models = st.fixed_dictionaries(
    {
        "architecture": architectures,
        "ndim": st.sampled_from([2, 3]),
        "downsample_factors": st.lists(axes, max_size=2),
        "kernel_size": st.tuples(*[st.sampled_from([1, 3])] * 3).map(list),
        "num_repetitions": st.integers(1, 2),
        "padding": st.sampled_from(["valid", "same"]),
        "upsampling": st.sampled_from(["resize_conv", "transposed_conv"]),
        "normalization": st.sampled_from(["none", "group", "batch"]),
    }
)


@given(models)
@settings(max_examples=20)
def test_every_network_can_be_built_and_has_the_shapes_of_its_geometry(keys):
    model = completed(**keys)
    network = build(model)
    expected = [g.output_size(size) for g, size in zip(geometry(model), model.train_input_shape, strict=True)]
    assert list(network.output["threeclass"].shape[1:]) == [*expected, 3]
    kinds = [type(layer).__name__ for layer in network.layers]
    convolutions = (2 * len(keys["downsample_factors"]) + 1) * keys["num_repetitions"]
    wanted = {"group": "GroupNormalization", "batch": "BatchNormalization"}
    assert {kind: kinds.count(kind) for kind in wanted.values()} == {
        kind: convolutions if name == keys["normalization"] else 0 for name, kind in wanted.items()
    }
    spatial = {layer.kernel.shape[:3] for layer in network.layers if "_conv_" in layer.name}
    assert spatial == {(1, *keys["kernel_size"][1:]) if keys["ndim"] == 2 else tuple(keys["kernel_size"])}
    assert kinds.count("Conv3DTranspose") == len(keys["downsample_factors"]) * (keys["upsampling"] == "transposed_conv")
    if keys["ndim"] == 2:
        assert {layer.output.shape[1] for layer in network.layers} == {1}


@given(
    architecture=architectures,
    axis=st.integers(0, 2),
    factors=st.lists(st.integers(1, 3), max_size=2),
    kernel=st.sampled_from([1, 3, 5]),
    repetitions=st.integers(1, 2),
    padding=st.sampled_from(["valid", "same"]),
    upsampling=st.sampled_from(["resize_conv", "transposed_conv"]),
    normalization=st.sampled_from(["none", "batch"]),
    two=st.booleans(),
)
@settings(max_examples=12)
def test_an_output_depends_on_its_receptive_field_and_on_nothing_else(
    architecture, axis, factors, kernel, repetitions, padding, upsampling, normalization, two
):
    """One axis at a time, each voxel along it changed by itself; the other axes take no part."""

    def along(value):
        return [value if a == axis else 1 for a in range(3)]

    keys = {"architecture": architecture, "padding": padding, "upsampling": upsampling, "normalization": normalization, "num_repetitions": repetitions}  # fmt: skip
    ndim = 2 if two and axis > 0 else 3
    keys |= {"downsample_factors": [along(f) for f in factors], "kernel_size": along(kernel), "ndim": ndim, "activation": "leaky_relu"}  # fmt: skip
    model = completed(**keys)
    seen = geometry(model)[axis]
    size = min(s for s in range(4 * seen.context + 2 * seen.total_factor, 1000) if seen.output_size(s))
    network = build(model, along(size))
    raw = np.random.default_rng(0).normal(size=(1, *along(size), 1)).astype(np.float32)
    # Bits are the same only in batches of the same shape.
    same = np.repeat(raw, size, axis=0)
    before = predict(network, same)
    differs = np.zeros((size, seen.output_size(size)), bool)
    # Upwards and downwards: of a maximum, one of the two would be overlooked.
    for change in (100, -100):
        changed = same + change * np.eye(size, dtype=np.float32).reshape(same.shape)
        differs |= (predict(network, changed) != before).reshape(size, -1, 3).any(axis=2)
    over = np.arange(differs.shape[1]) + (size - differs.shape[1]) // 2
    first, last = differs.argmax(axis=0), size - 1 - differs[::-1].argmax(axis=0)
    # What a "same" network would see beyond the border is not there.
    inner = (over >= seen.context) & (over < size - seen.context)
    assert (last - first + 1)[inner].max() == seen.receptive_field
    assert np.maximum(over - first, last - over)[inner].max() == seen.context


BASE = {"ndim": 3, "train_input_shape": [28, 28, 28], "test_input_shape": [28, 28, 28], "num_fmaps": 4, "downsample_factors": [[2, 2, 2]], "fmap_inc_factors": [2], "fmap_dec_factors": [2], "normalization": "none"}  # fmt: skip
CHANGES = {
    "architecture": [{"architecture": "residual_unet"}],
    "ndim": [{"ndim": 2}],
    "train_input_shape": [{"train_input_shape": [28, 28, 30]}],
    "num_fmaps": [{"num_fmaps": 6}],
    "fmap_inc_factors": [{"fmap_inc_factors": [4]}],
    "fmap_dec_factors": [{"fmap_dec_factors": [4]}],
    "downsample_factors": [{"downsample_factors": [[2, 2, 1]]}],
    "kernel_size": [{"kernel_size": [3, 3, 1]}, {"kernel_size": 1}],
    "num_repetitions": [{"num_repetitions": 1}],
    "activation": [{"activation": name} for name in ("leaky_relu", "elu", "gelu", "selu", "silu")],
    "normalization": [{"normalization": "group"}, {"normalization": "batch"}],
    "normalization_groups": [{"normalization": "group", "normalization_groups": 4}],
    "padding": [{"padding": "same", "test_input_shape": [96, 96, 96]}],
    "upsampling": [{"upsampling": "transposed_conv"}],
}
ELSEWHERE = {"method", "auxiliary", "networks", "test_input_shape"}  # tests/stages, test_separate_networks.py


def test_every_key_has_its_turn():
    assert set(CHANGES) | ELSEWHERE == set(Model.model_fields)


def test_every_key_has_an_effect():
    """No two networks give the same, from the same seed."""
    outputs = []
    for change in [{}, *(change for changes in CHANGES.values() for change in changes)]:
        model = configure(model=BASE | change).model
        raw = np.random.default_rng(0).random((1, 28, 28, 30, 1))[:, : model.train_input_shape[0], :, : model.train_input_shape[2]]  # fmt: skip
        outputs.append(predict(build(model), raw.astype(np.float32)).tobytes())
    assert len(set(outputs)) == len(outputs)


def test_normalization_lies_between_convolution_and_activation():
    model = configure(model=BASE | {"normalization": "group", "normalization_groups": 2, "num_repetitions": 1}).model
    network = build(model)
    names = ["down_0_conv_0", "down_0_norm_0", "down_0_act_0"]
    parts = keras.Model(network.input, [network.get_layer(name).output for name in names])
    raw = np.random.default_rng(0).random((1, 28, 28, 28, 1)).astype(np.float32)
    before, after, active = parts.predict_on_batch(raw)
    expected = np.empty_like(before)
    for group in (slice(0, 2), slice(2, 4)):
        part = before[..., group].astype(float)
        expected[..., group] = (part - part.mean()) / np.sqrt(part.var() + 1e-5)
    np.testing.assert_allclose(after, expected, atol=1e-4)
    np.testing.assert_array_equal(active, np.maximum(after, 0))
    assert network.get_layer("down_0_conv_0").bias is None
    assert network.get_layer("heads").bias is not None


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_residual_block_adds_to_what_it_is_given(padding):
    """Its center, where convolutions take the border; as it is, where there are as many maps, else projected."""
    change = {"architecture": "residual_unet", "padding": padding, "fmap_dec_factors": [1], "test_input_shape": [60, 60, 60]}  # fmt: skip
    network = build(configure(model=BASE | change | {"fmap_inc_factors": [1]}).model)
    names = ["down_0_conv_1", "down_0_act", "pool_0", "bottom_1_conv_1", "bottom_1_act"]
    raw = np.random.default_rng(0).normal(size=(1, 28, 28, 28, 1)).astype(np.float32)
    parts = keras.Model(network.input, [network.get_layer(name).output for name in names])
    first, active, pooled, second, below = parts.predict_on_batch(raw)
    (kernel,) = network.get_layer("down_0_shortcut").get_weights()
    cut = slice(2, -2) if padding == "valid" else slice(None)
    np.testing.assert_allclose(active, np.maximum(first + raw[:, cut, cut, cut] @ kernel[0, 0, 0], 0), atol=1e-4)
    np.testing.assert_allclose(below, np.maximum(second + pooled[:, cut, cut, cut], 0), atol=1e-4)


@pytest.mark.parametrize("normalization", ["group", "batch"])
def test_statistics_are_taken_in_float32_whatever_the_precision(normalization):
    """Among bright values, bfloat16 (8 bits) would see no variance at all."""
    model = configure(model=BASE | {"normalization": normalization}).model
    layer = build(model, precision="mixed_bfloat16").get_layer("down_0_norm_0")
    values = (200 + np.random.default_rng(0).normal(size=(1, 5, 5, 5, 4))).astype(np.float32)
    rounded = keras.ops.cast(keras.ops.cast(values, "bfloat16"), "float32")
    training = {"training": True} if normalization == "batch" else {}
    normal = keras.ops.convert_to_numpy(keras.ops.cast(layer(rounded, **training), "float32"))
    assert abs(normal.mean()) < 0.05
    assert normal.std() == pytest.approx(1, rel=0.05)
    assert {variable.dtype for variable in layer.variables} == {"float32"}


@pytest.mark.parametrize("upsampling", ["resize_conv", "transposed_conv"])
@pytest.mark.parametrize("normalization", ["none", "group", "batch"])
def test_a_network_for_images_is_one_of_two_dimensional_layers(normalization, upsampling):
    shape = {"train_input_shape": [40, 44], "test_input_shape": [44, 44], "kernel_size": [3, 3]}
    factors = {"downsample_factors": [[2, 2], [1, 2]], "fmap_inc_factors": [2, 2], "fmap_dec_factors": [2, 2]}
    change = {"ndim": 2, "num_fmaps": 4, "normalization": normalization, "upsampling": upsampling}
    network = build(configure(model=shape | factors | change).model)
    rng = np.random.default_rng(0)
    # Also what is all zero or one before a training.
    for variable in network.weights:
        values = rng.normal(size=variable.shape)
        variable.assign(np.abs(values) + 0.5 if "variance" in variable.path else values)
    image = rng.random((1, 40, 44, 1)).astype(np.float32)
    outputs = network.predict_on_batch(image[:, np.newaxis])
    expected = keras.ops.convert_to_numpy(two_dimensional(network, image))
    scale = np.abs(expected).max()
    for name, channels in (("threeclass", slice(0, 3)), ("cpv", slice(3, 6))):
        assert outputs[name].shape[1] == 1
        np.testing.assert_allclose(outputs[name][:, 0] / scale, expected[..., channels] / scale, atol=1e-5)


def two_dimensional(network, image):
    """What the layers of a network give, each replaced by the 2D one with its weights; two levels, written out."""

    def convolve(x, name):
        layer = network.get_layer(name)
        kind = layers.Conv2DTranspose if "Transpose" in type(layer).__name__ else layers.Conv2D
        options = {"strides": layer.strides[1:]} if kind is layers.Conv2DTranspose else {"padding": layer.padding}
        flat = kind(layer.filters, layer.kernel.shape[1:3], use_bias=layer.use_bias, **options)
        flat.build(x.shape)
        flat.set_weights([weight[0] if weight.ndim == 5 else weight for weight in layer.get_weights()])
        return flat(x)

    def block(x, name):
        for number in range(2):
            x = convolve(x, f"{name}_conv_{number}")
            if any(layer.name == f"{name}_norm_{number}" for layer in network.layers):
                layer = network.get_layer(f"{name}_norm_{number}")
                flat = type(layer).from_config(layer.get_config())
                flat.build(x.shape)
                flat.set_weights(layer.get_weights())
                x = flat(x)
            x = keras.ops.relu(x)
        return x

    def up(x, skip, level, factors):
        if any(layer.name == f"upsample_{level}_conv" for layer in network.layers):
            x = convolve(layers.UpSampling2D(factors)(x), f"upsample_{level}_conv")
        else:
            x = convolve(x, f"upsample_{level}")
        y, z = ((a - b) // 2 for a, b in zip(skip.shape[1:3], x.shape[1:3], strict=True))
        return keras.ops.concatenate([layers.Cropping2D((y, z))(skip), x], axis=-1)

    skip_0 = block(image, "down_0")
    skip_1 = block(layers.MaxPooling2D((2, 2))(skip_0), "down_1")
    x = block(layers.MaxPooling2D((1, 2))(skip_1), "bottom_2")
    x = block(up(x, skip_1, 1, (1, 2)), "up_1")
    return convolve(block(up(x, skip_0, 0, (2, 2)), "up_0"), "heads")
