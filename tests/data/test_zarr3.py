"""Zarr of format 3, and OME-Zarr 0.5, as other programs write them; and such as was made to do harm."""

import gzip
import json
import struct

import numpy as np
import pytest
import tensorstore

from auxcpvloss.system.errors import InputError
from tests.data.test_stores import axes_of, multiscales
from tests.data.volumes import blobs, only

RAW, LABELS = blobs((8, 12, 14), dtype="uint16")
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
SHARDS = {
    "chunk_shape": [4, 6, 7],
    "codecs": [BYTES, {"name": "zstd", "configuration": {"level": 1}}],
    "index_codecs": [BYTES, {"name": "crc32c"}],
}
ENCODINGS = {
    "raw": {"codecs": [BYTES]},
    "big endian": {"codecs": [{"name": "bytes", "configuration": {"endian": "big"}}]},
    "gzip": {"codecs": [BYTES, {"name": "gzip", "configuration": {"level": 1}}]},
    "zstd with checksum": {"codecs": [BYTES, {"name": "zstd", "configuration": {"level": 1}}, {"name": "crc32c"}]},
    "blosc": {"codecs": [BYTES, {"name": "blosc", "configuration": {"cname": "zstd"}}]},
    "transposed": {"codecs": [{"name": "transpose", "configuration": {"order": [2, 0, 1]}}, BYTES]},
    "keys of format 2": {"chunk_key_encoding": {"name": "v2", "configuration": {"separator": "."}}},
    "keys with dots": {"chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}}},
    "shards": {"codecs": [{"name": "sharding_indexed", "configuration": SHARDS}]},
    "shards with index first": {
        "codecs": [
            {
                "name": "sharding_indexed",
                "configuration": {**SHARDS, "index_location": "start", "index_codecs": [BYTES]},
            }
        ]
    },
}


def write(folder, array=RAW, chunks=(4, 6, 7), attributes=None, **metadata):
    """Write an array; gives its folder."""
    if any("sharding" in str(codec) for codec in metadata.get("codecs", ())):
        chunks = tuple(2 * chunk for chunk in chunks)
    grid = {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}}}
    described = {
        "shape": array.shape,
        "data_type": str(array.dtype),
        "attributes": attributes or {},
        **grid,
        **metadata,
    }
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{folder}/"}, "metadata": described}
    store = tensorstore.open({**spec, "store_data_equal_to_fill_value": True}, create=True, delete_existing=True)
    store.result()[...] = array
    return folder


def write_group(folder, **attributes):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": attributes}))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_arrays_of_all_encodings_are_read(tmp_path, encoding):
    place = tmp_path / "a.zarr"
    attributes = {"resolution": [2, 0.5, 0.5], "offset": [1, 0, 0]}
    write(place / "volumes" / "raw", attributes=attributes, **ENCODINGS[encoding])
    write(place / "volumes" / "gt_labels", LABELS, attributes=attributes, **ENCODINGS[encoding])
    source = only(tmp_path)
    np.testing.assert_array_equal(source.read_raw(), RAW)
    np.testing.assert_array_equal(source.read_labels(), LABELS)
    assert (source.voxel_size(), source.offset()) == ((2, 0.5, 0.5), (1, 0, 0))
    with pytest.raises(InputError, match=r"arrays there: volumes/gt_labels, volumes/raw$"):
        only(tmp_path, raw_key="x").read_raw()


def test_image_and_labels_of_ome_zarr_0_5_are_found(tmp_path):
    described = multiscales("tczyx", (1, 1, 0.5, 0.2, 0.2), [None, None, *["micrometer"] * 3])
    for group, array in (("", RAW), ("labels/nuclei", LABELS)):
        write_group(tmp_path / "a.zarr" / group, ome={"version": "0.5", **described})
        for level in "01":
            write(tmp_path / "a.zarr" / group / level, array[None, None, ..., :: int(level) + 1], (1, 1, 4, 6, 7))
    write_group(tmp_path / "a.zarr" / "labels", ome={"version": "0.5", "labels": ["nuclei"]})
    source = only(tmp_path)
    np.testing.assert_array_equal(source.read_raw(), RAW)
    np.testing.assert_array_equal(source.read_labels(), LABELS)
    assert source.voxel_size() == (0.5, 0.2, 0.2)


def test_an_array_at_the_root_with_named_axes(tmp_path):
    array = np.stack([RAW, RAW + 1]).transpose(3, 2, 0, 1)
    write(tmp_path / "a.zarr", array, (7, 6, 1, 4), dimension_names=["x", "y", "c", "z"])
    np.testing.assert_array_equal(only(tmp_path, channel=1).read_raw(), RAW + 1)
    assert axes_of("xycz")[2]["type"] == "channel"


@pytest.mark.parametrize(("encoding", "count"), [("raw", 1), ("shards", 8)])
def test_an_image_that_lacks_a_file_is_refused(tmp_path, encoding, count):
    place = write(tmp_path / "a.zarr", **ENCODINGS[encoding])
    max(file for file in place.rglob("0") if file.is_file()).unlink()
    with pytest.raises(InputError, match=rf"a\.zarr: {count} of 8 chunks are not stored"):
        only(tmp_path).read_raw()


def test_an_image_that_lacks_a_chunk_of_a_shard_is_refused(tmp_path):
    file = write(tmp_path / "a.zarr", **ENCODINGS["shards with index first"]) / "c" / "0" / "0" / "0"
    file.write_bytes(file.read_bytes()[:48] + b"\xff" * 16 + file.read_bytes()[64:])
    with pytest.raises(InputError, match=r"1 of 8 chunks are not stored, the first at \[0, 1, 1\]"):
        only(tmp_path).read_raw()


# Made to do harm
def bomb():
    return gzip.compress(bytes(2**20)) * 60


def test_a_chunk_that_expands_is_refused(tmp_path):
    place = write(tmp_path / "a.zarr", **ENCODINGS["gzip"])
    (place / "c" / "0" / "0" / "0").write_bytes(bomb())
    with pytest.raises(InputError, match=r"a\.zarr: cannot be read: chunk c/0/0/0: it expands to more than"):
        only(tmp_path).read_raw()


@pytest.mark.parametrize("content", [b"", bytes(100), bytes(2000)])
def test_a_shard_that_expands_or_is_damaged_is_refused(tmp_path, content):
    shards = {**SHARDS, "codecs": [BYTES, {"name": "gzip", "configuration": {"level": 1}}]}
    place = write(tmp_path / "a.zarr", codecs=[{"name": "sharding_indexed", "configuration": shards}])
    file = place / "c" / "0" / "0" / "0"
    needle = "too few" if len(content) < 2000 else "it expands to more than"
    if len(content) == 2000:
        content = bomb() + struct.pack("<QQ", 0, len(bomb())) * 8 + bytes(4)
    file.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.zarr: cannot be read: chunk c/0/0/0: .*{needle}"):
        only(tmp_path).read_raw()


@pytest.mark.parametrize(
    ("metadata", "needle"),
    [
        ({"shape": [10**5] * 3}, "of memory are free"),
        ({"shape": [50] * 3, "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1] * 3}}}, "125,000 chunks of 1 x 1 x 1 voxels, more than"),
        ({"shape": [50] * 3, "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10**9] * 3}}, "codecs": ENCODINGS["shards"]["codecs"]}, "in shards of"),
        ({"shape": [50] * 3, "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4 * 10**8, 6 * 10**8, 7 * 10**8]}}, "codecs": ENCODINGS["shards"]["codecs"]}, "a shard: "),
        ({"chunk_grid": {"name": "rectilinear"}}, "on a grid 'rectilinear'"),
        ({"data_type": "string"}, "of type string"),
        ({"data_type": {"name": "numpy.datetime64"}}, "expected numbers"),
        ({"codecs": [{"name": "vlen-utf8"}]}, "the compression 'vlen-utf8'"),
        ({"codecs": [BYTES, {"name": "numcodecs.pickle"}]}, "the compression 'numcodecs.pickle'"),
        ({"codecs": [BYTES, {"name": "gzip"}, {"name": "gzip"}]}, "the compression 'gzip and gzip'"),
        ({"codecs": []}, "cannot be read"),
        ({"storage_transformers": [{"name": "x"}]}, "cannot be read"),
    ],
)  # fmt: skip
def test_metadata_that_lie_are_refused(tmp_path, metadata, needle):
    file = write(tmp_path / "a.zarr") / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | metadata))
    with pytest.raises(InputError) as caught:
        only(tmp_path).read_raw()
    assert needle in str(caught.value)
    assert str(tmp_path / "a.zarr") in str(caught.value)
    assert "tensorstore_spec" not in str(caught.value)
