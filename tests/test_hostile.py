"""Files that were made to do harm: refused with one line, nothing run, nothing written elsewhere, no memory taken."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import re
import struct
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numcodecs
import numpy as np
import pytest
import tifffile
import zarr

from auxcpvloss.config import ConfigFile
from auxcpvloss.data.untrusted import limits
from auxcpvloss.data.untrusted.chunks import CODECS, STREAMS, check_chunk
from auxcpvloss.experiment.configuration import load
from auxcpvloss.methods import METHODS
from auxcpvloss.network.architectures.unet import build_unet
from auxcpvloss.network.compiled import prediction_network
from auxcpvloss.network.initial import take_over
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.names import checked_name, experiment_name
from tests.fuzz import configs, volumes
from tests.fuzz.run import attempt

ROOT = Path(__file__).parents[1]
MAX_MEMORY = 40 * 2**20
"""Bytes by which a refusal may make the process grow; every bomb here is larger."""


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


@contextmanager
def little_memory() -> Iterator[None]:
    """Fail if the process ever grew by more than a refusal needs."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak()
    yield
    assert _peak() - before < MAX_MEMORY


def _peak() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def refused(folder: Path, data: Path, capture: Any, *named: str) -> None:
    """Prepare what is in a folder; the only thing that comes of it is one line."""
    (folder / "my.toml").write_text(configs.as_text(unlabelled(data)))
    with little_memory():
        ending = attempt(["-c", str(folder / "my.toml"), "-r", str(folder / "root"), "-d", "prepare"], folder, capture)
    assert ending.kind == "refused", ending.error
    assert len(ending.error.strip().splitlines()) == 1, ending.error
    for name in named:
        assert name in ending.error, ending.error


def unlabelled(data: Path) -> dict[str, Any]:
    place = {"path": "", "test_data": str(data), "input_format": "auto"}
    return configs.merge(configs.base("threeclass"), {"data": place})


# Arrays
def zarr_volume(folder: Path, **metadata: Any) -> Path:
    """A good volume whose metadata are changed; gives the folder of its raw image."""
    raw, _ = volumes.good()
    zarr.open_group(str(folder / "a.zarr"), "w").create_dataset("volumes/raw", data=raw)
    place = folder / "a.zarr" / "volumes" / "raw"
    file = place / ".zarray"
    file.write_text(json.dumps(json.loads(file.read_text()) | metadata))
    return place


MEMBER, MEMBERS = 2**20, 60
BOMB = MEMBER * MEMBERS
"""Bytes that a chunk expands to of 64 kB, which is what a chunk of these volumes may have on disk."""


def repeated(compress: Callable[[bytes], bytes]) -> bytes:
    """Many members, each harmless."""
    return compress(bytes(MEMBER)) * MEMBERS


def stream() -> bytes:
    """One that goes on and on."""
    made = zlib.compressobj(9)
    return b"".join(made.compress(bytes(MEMBER)) for _ in range(MEMBERS)) + made.flush()


BOMBS: dict[str, tuple[dict[str, Any], Callable[[], bytes]]] = {
    "gzip": ({"id": "gzip", "level": 1}, lambda: repeated(gzip.compress)),
    "zlib": ({"id": "zlib", "level": 1}, stream),
    "bz2": ({"id": "bz2", "level": 1}, lambda: repeated(bz2.compress)),
    "lzma": ({"id": "lzma", "format": 1, "check": -1, "preset": None, "filters": None}, lambda: repeated(lzma.compress)),
    "blosc": ({"id": "blosc", "cname": "lz4", "clevel": 1, "shuffle": 0, "blocksize": 0}, lambda: _declares(4, BOMB)),
    "lz4": ({"id": "lz4", "acceleration": 1}, lambda: struct.pack("<I", BOMB) + bytes(100)),
    "zstd": ({"id": "zstd", "level": 1}, lambda: struct.pack("<IBI", 0xFD2FB528, 0b10100000, BOMB) + bytes(100)),
}  # fmt: skip


def _declares(at: int, size: int) -> bytes:
    data = bytearray(numcodecs.Blosc().encode(np.zeros(1000, np.uint8)))
    struct.pack_into("<I", data, at, size)
    return bytes(data)


@pytest.mark.parametrize("codec", BOMBS)
def test_a_chunk_of_zarr_that_expands(tmp_path, capsys, codec):
    settings, make = BOMBS[codec]
    (zarr_volume(tmp_path, compressor=settings) / "0.0.0").write_bytes(make())
    refused(tmp_path, tmp_path, capsys, "a.zarr: volumes/raw", "chunk 0.0.0", "expands to more than")


@pytest.mark.parametrize("codec", sorted(set(CODECS) - {"raw"}))
@pytest.mark.parametrize("size", [0, 1, 1000, 2**20 + 3])
def test_a_chunk_that_is_what_it_should_be_passes(codec, size):
    data = (np.arange(size) % 7).astype(np.uint8).tobytes()
    kind = {"zlib": numcodecs.Zlib, "gzip": numcodecs.GZip, "bz2": numcodecs.BZ2, "lzma": numcodecs.LZMA}
    kind |= {"blosc": numcodecs.Blosc, "lz4": numcodecs.LZ4, "zstd": numcodecs.Zstd}
    if size or codec in STREAMS:
        stored = bytes(kind[codec]().encode(data))
        check_chunk(stored, codec, size)
        if size:
            with pytest.raises(ValueError, match="expands to more than"):
                check_chunk(stored, codec, size - 1)


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"shape": [10**5] * 3}, "of memory are free"),
        ({"shape": [10**9] * 3, "chunks": [10**9] * 3}, "of memory are free"),
        ({"chunks": [10**5] * 3}, "its chunks: 100000 x 100000 x 100000"),
        ({"shape": [4000, 500, 500], "chunks": [1, 1, 1]}, "1,000,000,000 chunks"),
        ({"shape": [50, 50, 50], "chunks": [1, 1, 1]}, "125,000 chunks"),
        ({"shape": [-1, 10, 12]}, "expected positive"),
        ({"chunks": [0, 10, 12]}, "volumes/raw"),
        ({"chunks": [8, 10]}, "volumes/raw"),
        ({"dtype": "|O"}, "of type object"),
        ({"dtype": "|O", "filters": [{"id": "pickle"}]}, "of type object"),
        ({"dtype": "|O", "filters": [{"id": "msgpack2"}]}, "of type object"),
        ({"dtype": "<U100000000"}, "of type <U100000000"),
        ({"filters": [{"id": "pickle", "protocol": 5}]}, "the filter 'pickle'"),
        ({"filters": [{"id": "msgpack2"}]}, "the filter 'msgpack2'"),
        ({"compressor": {"id": "pickle", "protocol": 5}}, "the compression 'pickle'"),
        ({"compressor": {"id": "nosuch"}}, "the compression 'nosuch'"),
    ],
)
def test_metadata_of_zarr_that_lie(tmp_path, capsys, metadata, named):
    (zarr_volume(tmp_path, **metadata) / "0.0.0").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    refused(tmp_path, tmp_path, capsys, str(tmp_path / "a.zarr"), named)
    assert not (tmp_path / "sprung").exists()


def test_a_fill_value_that_is_code(tmp_path, capsys):
    import base64

    trap = base64.standard_b64encode(pickle.dumps(Trap(tmp_path / "sprung"))).decode()
    zarr_volume(tmp_path, dtype="|O", filters=[{"id": "pickle", "protocol": 5}], fill_value=trap)
    refused(tmp_path, tmp_path, capsys, "a.zarr", "of type object")
    assert not (tmp_path / "sprung").exists()


def test_metadata_of_zarr_as_large_as_a_disk(tmp_path, capsys):
    file = zarr_volume(tmp_path) / ".zarray"
    os.truncate(file, 2**30)
    refused(tmp_path, tmp_path, capsys, str(file), "too large")


def test_a_sparse_chunk(tmp_path, capsys):
    os.truncate(zarr_volume(tmp_path, compressor=None) / "0.0.0", 2**28)
    refused(tmp_path, tmp_path, capsys, "chunk 0.0.0: 268,435,456 bytes")


@pytest.mark.parametrize("change", [{}, {"dimensions": [10**5] * 3}, {"blockSize": [10**5] * 3}, {"compression": {"type": "pickle"}}])  # fmt: skip
def test_n5(tmp_path, capsys, change):
    raw, _ = volumes.good()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The N5Store is deprecated")
        root = zarr.open_group(zarr.N5Store(str(tmp_path / "a.n5")), "w")
    root.create_dataset("volumes/raw", data=raw, compressor=zarr.GZip())
    place = tmp_path / "a.n5" / "volumes" / "raw"
    (place / "attributes.json").write_text(json.dumps(json.loads((place / "attributes.json").read_text()) | change))
    block = place / "0" / "0" / "0"
    block.write_bytes(block.read_bytes()[:16] + repeated(gzip.compress))
    refused(tmp_path, tmp_path, capsys, "a.n5: volumes/raw")


def hdf(folder: Path, make: Callable[[h5py.File], Any]) -> None:
    with h5py.File(folder / "a.hdf", "w") as file:
        make(file)


def test_hdf_that_leads_outside(tmp_path, capsys):
    raw, _ = volumes.good()
    (tmp_path / "data").mkdir()
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x/y"] = raw
    secret = str(tmp_path / "secret.h5")
    layout = h5py.VirtualLayout(raw.shape, raw.dtype)
    layout[:] = h5py.VirtualSource(secret, "x/y", raw.shape)
    for make in (
        lambda file: file.__setitem__("volumes/raw", h5py.ExternalLink(secret, "x/y")),
        lambda file: file.__setitem__("volumes", h5py.ExternalLink(secret, "x")),
        lambda file: file.create_virtual_dataset("volumes/raw", layout),
        lambda file: file.create_dataset(
            "volumes/raw", raw.shape, raw.dtype, external=[(secret, 0, h5py.h5f.UNLIMITED)]
        ),
    ):
        hdf(tmp_path / "data", make)
        refused(tmp_path, tmp_path / "data", capsys, "a.hdf")


def test_hdf_that_declares_what_it_has_not(tmp_path, capsys):
    hdf(tmp_path, lambda file: file.create_dataset("volumes/raw", (10**5,) * 3, "u1", chunks=(64, 64, 64)))
    refused(tmp_path, tmp_path, capsys, "a.hdf: volumes/raw", "of memory are free")
    hdf(tmp_path, lambda file: file.create_dataset("volumes/raw", (50, 50, 50), "u1", chunks=(1, 1, 1)))
    refused(tmp_path, tmp_path, capsys, "a.hdf: volumes/raw", "125,000 chunks of 1 x 1 x 1 voxels")
    hdf(tmp_path, lambda file: file.create_dataset("volumes/raw", (10, 10, 10), h5py.string_dtype()))
    refused(tmp_path, tmp_path, capsys, "a.hdf: volumes/raw", "of type object")


@pytest.mark.parametrize("twice", [False, True])
def test_a_chunk_of_hdf_that_expands(tmp_path, capsys, twice):
    def make(file: h5py.File) -> None:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((8, 10, 12))
        for _ in range(1 + twice):
            made.set_deflate(1)
        space = h5py.h5s.create_simple((8, 10, 12))
        dataset = h5py.h5d.create(file.create_group("volumes").id, b"raw", h5py.h5t.NATIVE_UINT8, space, made)
        dataset.write_direct_chunk((0, 0, 0), stream())

    hdf(tmp_path, make)
    refused(tmp_path, tmp_path, capsys, "a.hdf: volumes/raw", "zlib" if twice else "expands to more than")


# TIFF and zip
def tiff_bytes(array: Any = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, volumes.good()[0] if array is None else array, metadata=None, photometric="minisblack", **options)  # fmt: skip
    return stream.getvalue()


def retagged(content: bytes, **values: int) -> bytes:
    """The same with other values in tags of every page."""
    stream = io.BytesIO(content)
    with tifffile.TiffFile(stream, mode="r+b") as tiff:
        for page in tiff.pages:
            for name, value in values.items():
                page.tags[name].overwrite(value, dtype="I")
    return stream.getvalue()


def test_a_tiff_of_giant_dimensions(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.tif").write_bytes(retagged(tiff_bytes(), ImageLength=2**31, ImageWidth=2**31))
    refused(tmp_path, tmp_path, capsys, "images/a.tif")


OME = '<OME xmlns="x"><Image><Pixels DimensionOrder="XYZCT" Type="uint8" SizeX="{}" SizeY="8" SizeZ="{}" SizeC="1" SizeT="1">{}</Pixels></Image>{}</OME>'
PLANE = '<TiffData IFD="0" PlaneCount="1"/>'
MODULO = '<StructuredAnnotations><A ID="1" Namespace="modulo"><V><M><ModuloAlongZ Start="0" End="1e11"/></M></V></A></StructuredAnnotations>'


@pytest.mark.parametrize(
    "description",
    [
        OME.format(8, 10**8, PLANE, ""),
        OME.format(8, 10**8, '<TiffData IFD="0" PlaneCount="100000000"/>', ""),
        OME.format(8, 10**8, "", ""),
        OME.format(8, 2, '<TiffData IFD="0" PlaneCount="100000000"/>', ""),
        OME.format(8, 2, '<TiffData FirstZ="100000000" IFD="100000000"/>', ""),
        OME.format(8, 10**30, PLANE, ""),
        OME.format(8, 1, PLANE, MODULO),
        OME.format(8, 2, 100_000 * PLANE, ""),
        '<!DOCTYPE x [<!ENTITY a "' + 1000 * "a" + '">' + "".join(f'<!ENTITY {b} "{20 * f"&{a};"}">' for a, b in zip("abcdef", "bcdefg", strict=True)) + "]>" + OME.format(8, 1, PLANE, "&g;"),
        "ImageJ=1.11a\nimages=100000000\nslices=100000000\n",
        '{"shape": [100000000, 8, 8]}',
    ],
    ids=range(11),
)  # fmt: skip
def test_a_tiff_whose_description_promises_planes(tmp_path, capsys, description):
    (tmp_path / "images").mkdir()
    content = tiff_bytes(np.zeros((8, 8), np.uint8), description=description)
    (tmp_path / "images" / "a.tif").write_bytes(content)
    began = time.process_time()
    refused(tmp_path, tmp_path, capsys, "images/a.tif")
    assert time.process_time() - began < 5


def test_a_tiff_whose_strip_expands(tmp_path, capsys):
    content = tiff_bytes(np.random.default_rng(0).integers(0, 255, (2000, 1000), np.uint8), compression="zlib")
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        at, size = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    bomb = stream()
    assert len(bomb) < size
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.tif").write_bytes(content[:at] + bomb.ljust(size, b"\0") + content[at + size :])
    with little_memory():
        (tmp_path / "my.toml").write_text(configs.as_text(unlabelled(tmp_path)))
        ending = attempt(["-c", str(tmp_path / "my.toml"), "-r", str(tmp_path / "root"), "-d", "prepare"], tmp_path, capsys)  # fmt: skip
    # What the strip holds is cut to what it declares: nothing but zeros, or the library refuses it.
    assert ending.kind == "refused", ending.error


def zipped(path: Path, *members: tuple[Any, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("test/images/good.tif", tiff_bytes())
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", [
    "../test/images/x.tif", "/test/images/x.tif", "test/images/../../../x.tif", "c:\\test\\images\\x.tif",
    "test/images/..\\..\\x.tif", "\\\\host\\share\\x.tif",
])  # fmt: skip
def test_a_zip_that_leads_outside(tmp_path, capsys, name):
    refused(tmp_path, zipped(tmp_path / "x.zip", (name, tiff_bytes())), capsys, "x.zip!", "unsafe path")
    assert not list(tmp_path.parent.glob("*.tif"))


def test_a_link_in_a_zip(tmp_path, capsys):
    link = zipfile.ZipInfo("test/images/x.tif")
    link.external_attr = 0o120777 << 16
    refused(tmp_path, zipped(tmp_path / "x.zip", (link, b"/etc/passwd")), capsys, "x.zip!test/images/x.tif", "a link")


def test_a_bomb_in_a_zip(tmp_path, capsys):
    refused(tmp_path, zipped(tmp_path / "x.zip", ("test/images/x.tif", bytes(2**26 + 1))), capsys, "test/images/x.tif", "bytes")  # fmt: skip


def test_a_zip_that_lies_about_sizes(tmp_path, capsys):
    """Declared small, so that what is decompressed of it is no more than that, and its checksum is wrong."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("test/images/x.tif", bytes(2**26 + 11))
    content = (tmp_path / "x.zip").read_bytes()
    true, lie = struct.pack("<I", 2**26 + 11), struct.pack("<I", 1000)
    assert content.count(true) == 2
    (tmp_path / "x.zip").write_bytes(content.replace(true, lie))
    refused(tmp_path, tmp_path / "x.zip", capsys, "x.zip!test/images/x.tif", "cannot be read")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_nothing_bounds(tmp_path, capsys, method):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        archive.writestr("test/images/x.tif", tiff_bytes())
    refused(tmp_path, tmp_path / "x.zip", capsys, "x.zip!test/images/x.tif", "only stored and deflated files")


def test_a_zip_larger_than_memory(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(limits, "available_memory", lambda: 1000)
    refused(tmp_path, zipped(tmp_path / "x.zip"), capsys, "x.zip!test/images/good.tif", "of memory are free")


def test_memory_is_what_the_machine_has():
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert total / 1000 < limits.available_memory() <= total


# Names of what is written
@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "..", ".", "", ".hidden", "a/b", "a\\b", "x" * 300, "a\0b", "a\nb", "a\udcff"])  # fmt: skip
def test_names_that_are_none(name):
    with pytest.raises(InputError, match="cannot be a name"):
        checked_name(name, "-id")


def test_an_experiment_lies_under_its_root(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "my.toml"
    file.write_text(configs.as_text(configs.base("threeclass")))
    odd = file.with_name("...toml")
    odd.write_text(file.read_text())
    for arguments in (["-id", "../../x"], ["-id", str(tmp_path / "x")], ["-id", ".."], ["-id", "data"], ["-c", str(odd)]):  # fmt: skip
        ending = attempt(["-c", str(file), *arguments, "-r", str(tmp_path / "in/root"), "-d", "prepare"], tmp_path, capsys)  # fmt: skip
        assert ending.kind == "refused", (arguments, ending.error)
        assert len(ending.error.splitlines()) == 1
    assert experiment_name("data_2", "-id") == "data_2"


# Checkpoints
SMALL = configs.merge(configs.base("threeclass"), {"init": {"checkpoint": "given"}})


def keras_file(path: Path, plant: Callable[[dict[str, Any], h5py.File], Any], compression: int = zipfile.ZIP_STORED) -> Path:  # fmt: skip
    """A checkpoint of the small network with something planted in it."""
    config = load([ConfigFile("test", SMALL)])
    build_unet(config.model, METHODS["threeclass"].heads, config.model.train_input_shape).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights, architecture = io.BytesIO(members["model.weights.h5"]), json.loads(members["config.json"])
    with h5py.File(weights, "r+") as file:
        plant(architecture, file)
    members |= {"model.weights.h5": weights.getvalue(), "config.json": json.dumps(architecture).encode()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _lambda(trace: Path) -> Callable[[dict[str, Any], h5py.File], None]:
    import keras

    layer = keras.layers.Lambda(eval(f"lambda x: open({str(trace)!r}, 'w') and x"), name="evil")
    config = keras.saving.serialize_keras_object(layer) | {"name": "evil", "inbound_nodes": []}
    return lambda architecture, _: architecture["config"]["layers"].insert(1, config)


def _custom(architecture: dict[str, Any], _: h5py.File) -> None:
    layer = {"module": "os", "class_name": "system", "registered_name": "evil", "name": "evil", "inbound_nodes": []}
    architecture["config"]["layers"].append(layer | {"config": {"name": "evil", "command": "touch sprung"}})


def _elsewhere(_: dict[str, Any], file: h5py.File) -> None:
    file["layers/conv3d/vars/9"] = h5py.ExternalLink("/etc/passwd", "x")


def _giant(_: dict[str, Any], file: h5py.File) -> None:
    del file["layers/conv3d/vars/0"]
    file.create_dataset("layers/conv3d/vars/0", (10**5,) * 3, "f4", chunks=(64, 64, 64))


PLANTED: dict[str, tuple[Any, str]] = {
    "a Lambda layer": (_lambda, "its layer 'evil'"),
    "a layer of its own": (lambda _: _custom, "its layer 'evil'"),
    "a pickle for a configuration": (lambda trace: lambda a, _: a.update(config={"layers": pickle.dumps(Trap(trace)).decode("latin-1")}), "x.keras"),
    "weights elsewhere": (lambda _: _elsewhere, "refers to other files"),
    "weights larger than memory": (lambda _: _giant, "of memory are free"),
}  # fmt: skip


@pytest.mark.parametrize(("plant", "named"), PLANTED.values(), ids=PLANTED)
def test_checkpoints_are_read_as_numbers(tmp_path, plant, named):
    path = keras_file(tmp_path / "x.keras", plant(tmp_path / "sprung"))
    config, method = load([ConfigFile("test", SMALL)]), METHODS["threeclass"]
    network = build_unet(config.model, method.heads, config.model.train_input_shape)
    with pytest.raises(InputError, match=named), little_memory():
        take_over(network, method.heads, path, config.init)
    with pytest.raises(InputError, match=named), little_memory():
        prediction_network(config, method, (40, 40, 40), path)
    assert not (tmp_path / "sprung").exists()
    assert not (ROOT / "sprung").exists()


def test_a_bomb_in_a_checkpoint(tmp_path):
    path = keras_file(tmp_path / "x.keras", lambda *_: None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/x", bytes(2**26 + 1))
    with pytest.raises(InputError, match="bytes in"), little_memory():
        prediction_network(load([ConfigFile("test", SMALL)]), METHODS["threeclass"], (40, 40, 40), path)


def test_a_checkpoint_of_ours_is_taken(tmp_path):
    path = keras_file(tmp_path / "x.keras", lambda *_: None, zipfile.ZIP_DEFLATED)
    prediction_network(load([ConfigFile("test", SMALL)]), METHODS["threeclass"], (40, 40, 40), path)


# What the code does not do
def test_nothing_in_the_package_runs_what_it_reads():
    evil = re.compile(r"\b(pickle|marshal|shelve|runpy|allow_pickle|import load_model|(models|saving)\.load_model|model_from_json|extractall|eval|exec)\b(?! is)")  # fmt: skip
    # What the processes of a command send each other was never in a file.
    for file in sorted(set((ROOT / "auxcpvloss").rglob("*.py")) - {ROOT / "auxcpvloss/system/shared_memory.py"}):
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            code = line.partition("#")[0]
            if evil.search(code) and "that make numbers" not in line and "pickle)." not in line:
                raise AssertionError(f"{file}:{number}: {line}")


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ({"num_fmaps": 10_000}, "model.num_fmaps: the weights"),
        ({"train_input_shape": [10_000] * 3}, "model.train_input_shape: the feature maps"),
        ({}, "training.num_workers: 1000 processes"),
    ],
)
def test_what_is_larger_than_memory(tmp_path, capsys, model, named, monkeypatch):
    # Of whatever machine.
    monkeypatch.setattr(limits, "available_memory", lambda: 2**34)
    change = {"model": model, "training": {} if model else {"num_workers": 1000}}
    (tmp_path / "my.toml").write_text(configs.as_text(configs.merge(configs.base("threeclass"), change)))
    ending = attempt(["-c", str(tmp_path / "my.toml"), "-r", str(tmp_path / "root"), "-d", "mknet"], tmp_path, capsys)
    assert ending.kind == "refused"
    assert named in ending.error
