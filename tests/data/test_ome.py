"""OME-TIFF: volumes over several files are one volume each, and their metadata are not believed."""

import shutil

import numpy as np
import pytest
import tifffile

from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.data.verify import verify
from auxcpvloss.system.errors import InputError
from tests.data.volumes import blobs, configured, only, preprocessing

RAW, LABELS = (array[5:11].astype(np.uint16) for array in blobs())
BY_PLANE = {f"img_z{z}.ome.tif": RAW[z : z + 1] for z in range(len(RAW))}
NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def ome(body, uuid=""):
    own = f' UUID="{uuid}"' if uuid else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{NAMESPACE}"{own}>{body}</OME>'


def image(data, z=6, c=1, order="XYZCT", plane=(22, 40), more="", channel=""):
    sizes = f'SizeX="{plane[1]}" SizeY="{plane[0]}" SizeZ="{z}" SizeC="{c}" SizeT="1"'
    return f'<Image ID="I"><Pixels ID="P" DimensionOrder="{order}" Type="uint16" {sizes} {more}>{channel}{data}</Pixels></Image>'


def block(name="", uuid="", **attributes):
    file = f'<UUID FileName="{name}">{uuid}</UUID>' if name else ""
    given = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f"<TiffData {given}>{file}</TiffData>"


def listed(parts, along="Z", uuids=True):
    """Say which planes each file holds."""
    first, found = 0, ""
    for name, planes in parts.items():
        place = {f"First{along}": first if along == "Z" else list(parts).index(name)}
        found += block(name, uid(name) if uuids else "", IFD=0, PlaneCount=len(planes), **place)
        first += len(planes)
    return found


def uid(name):
    return f"urn:uuid:{name}"


def write(folder, name, planes, description):
    folder.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(folder / name) as tiff:
        for number, plane in enumerate(planes):
            text = description.encode() if number == 0 else None
            tiff.write(plane, description=text, metadata=None, contiguous=False, photometric="minisblack")


def write_set(folder, parts, body=None, uuids=True):
    for name, planes in parts.items():
        write(folder, name, planes, ome(body or image(listed(parts, uuids=uuids)), uid(name) if uuids else ""))


def fails(folder, *needles, **changes):
    with pytest.raises(InputError) as caught:
        only(folder, **changes).read_raw()
    for needle in needles:
        assert needle in str(caught.value)


# What is one volume
@pytest.mark.parametrize("uuids", [True, False])
@pytest.mark.parametrize(
    "parts",
    [BY_PLANE, {"b.tif": RAW[:4], "a.tif": RAW[4:]}],
    ids=["a file a plane", "two files"],
)
def test_a_set_of_files_is_one_volume(tmp_path, parts, uuids):
    """Image and labels; named after the file of the first plane."""
    write_set(tmp_path / "images", parts, uuids=uuids)
    masks = dict(zip(parts, np.split(LABELS, np.cumsum([len(each) for each in parts.values()])[:-1]), strict=True))
    write_set(tmp_path / "masks", masks, uuids=uuids)
    source = only(tmp_path)
    first = next(iter(parts))
    assert (source.name, source.origin) == (first.removesuffix(".tif"), str(tmp_path / "images" / first))
    np.testing.assert_array_equal(source.read_raw(), RAW)
    np.testing.assert_array_equal(source.read_labels(), LABELS)
    assert verify(source, "test", configured(), preprocessing()).nuclei == len(np.unique(LABELS)) - 1


def test_every_file_of_a_set_is_in_the_checksum(tmp_path):
    write_set(tmp_path / "images", BY_PLANE)
    before = only(tmp_path).checksum()
    shutil.copytree(tmp_path, tmp_path / "copy")
    assert only(tmp_path / "copy").checksum() == before
    for name in BY_PLANE:
        path = tmp_path / "images" / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert only(tmp_path).checksum() != before
        path.write_bytes(content)
    # That of a volume in one file is as it always was, whatever its metadata name.
    write_set(tmp_path / "one" / "images", {"a.tif": RAW})
    assert list(only(tmp_path / "one").image.files()) == ["image"]


def test_sets_in_a_flat_folder_and_in_a_zip(tmp_path):
    for kind, array in (("images", RAW), ("masks", LABELS)):
        for number in range(5):
            write_set(
                tmp_path / "flat" / kind, {f"{number}{part}.tif": array[3 * part : 3 * part + 3] for part in (0, 1)}
            )
    found = find_sources(configured(path=tmp_path / "flat"))
    assert sorted(source.name for there in found.values() for source in there) == [f"{n}0" for n in range(5)]
    archive = shutil.make_archive(str(tmp_path / "x"), "zip", tmp_path / "flat")
    zipped = find_sources(configured(path=archive))
    for split, there in found.items():
        assert [source.name for source in zipped[split]] == [source.name for source in there]
        for source in (*there, *zipped[split]):
            np.testing.assert_array_equal(source.read_raw(), RAW)
            np.testing.assert_array_equal(source.read_labels(), LABELS)


def test_files_of_channels(tmp_path):
    other = RAW[::-1]
    parts = {"exp_C0.ome.tif": RAW, "exp_C1.ome.tif": other}
    write_set(tmp_path / "images", parts, image(listed(parts, "C"), c=2))
    fails(tmp_path, "C, Z, Y, X, of 2 x 6 x 22 x 40", "data.channel (0 to 1)")
    for channel, expected in enumerate((RAW, other)):
        np.testing.assert_array_equal(only(tmp_path, channel=channel).read_raw(), expected)


def test_renamed_files_are_known_by_their_uuids(tmp_path):
    write_set(tmp_path / "images", BY_PLANE)
    for z in range(6):
        (tmp_path / "images" / f"img_z{z}.ome.tif").rename(tmp_path / "images" / f"{5 - z}.tif")
    assert only(tmp_path).name == "5"
    np.testing.assert_array_equal(only(tmp_path).read_raw(), RAW)


@pytest.mark.parametrize("uuid", ["", uid("a")])
def test_a_renamed_file_alone_knows_itself(tmp_path, uuid):
    write(tmp_path / "images", "b.tif", RAW, ome(image(block("a.ome.tif", uid("a"), IFD=0, PlaneCount=6)), uuid))
    np.testing.assert_array_equal(only(tmp_path).read_raw(), RAW)


def test_positions_in_a_file_each_are_volumes_each(tmp_path):
    """Of which the metadata, the same in all files, describe all; they may be used apart."""
    places = {"pos0.ome.tif": RAW, "pos1.ome.tif": RAW[::-1]}
    body = "".join(image(listed({name: RAW})) for name in places)
    write_set(tmp_path / "images", places, body)
    sources = find_sources(configured(test_data=tmp_path), ["test"])["test"]
    assert [source.name for source in sources] == ["pos0.ome", "pos1.ome"]
    for source, expected in zip(sources, places.values(), strict=True):
        np.testing.assert_array_equal(source.read_raw(), expected)
    for gone, left in (("pos0.ome.tif", "pos1.ome.tif"), ("pos1.ome.tif", "pos0.ome.tif")):
        shutil.copytree(tmp_path / "images", tmp_path / left / "images")
        (tmp_path / left / "images" / gone).unlink()
        np.testing.assert_array_equal(only(tmp_path / left).read_raw(), places[left])


def test_a_part_that_describes_only_itself_is_no_volume(tmp_path):
    parts = {"b.tif": RAW[:3], "c.tif": RAW[3:]}
    write(tmp_path / "images", "b.tif", RAW[:3], ome(image(listed({"b.tif": RAW[:3]}), z=3), uid("b.tif")))
    write(tmp_path / "images", "c.tif", RAW[3:], "")
    write(tmp_path / "images", "master.tif", RAW[:1, :2, :2], ome(image(listed(parts)), uid("master.tif")))
    assert only(tmp_path).name == "b"
    np.testing.assert_array_equal(only(tmp_path).read_raw(), RAW)


def test_files_of_the_same_template_are_volumes_each(tmp_path):
    """Their names and voxels were changed, their metadata were not."""
    for name, array in (("a.tif", RAW), ("b.tif", RAW[::-1])):
        write(tmp_path / "images", name, array, ome(image(listed({"a.tif": RAW})), uid("a.tif")))
    a, b = find_sources(configured(test_data=tmp_path), ["test"])["test"]
    np.testing.assert_array_equal(a.read_raw(), RAW)
    np.testing.assert_array_equal(b.read_raw(), RAW[::-1])


@pytest.mark.parametrize("holder", ["set.companion.ome", "img_z0.ome.tif", "master.tif"])
def test_metadata_in_one_of_the_files(tmp_path, holder):
    """The others, which name it or nothing, are no volumes of their own."""
    folder, body = tmp_path / "images", image(listed(BY_PLANE))
    for name, planes in BY_PLANE.items():
        write(folder, name, planes, ome(f'<BinaryOnly MetadataFile="{holder}" UUID="{uid(holder)}"/>', uid(name)))
    if holder.endswith(".tif"):
        write(folder, holder, BY_PLANE.get(holder, RAW[:1, :2, :2]), ome(body, uid(holder)))
    else:
        (folder / holder).write_text(ome(body))
    source = only(tmp_path)
    assert (source.name, len(source.image.files())) == ("img_z0.ome", len({holder, *BY_PLANE}))
    np.testing.assert_array_equal(source.read_raw(), RAW)
    (folder / holder).unlink()
    found = find_sources(configured(test_data=tmp_path), ["test"])["test"]
    with pytest.raises(InputError, match=f"is in {holder}, which is not here"):
        found[-1].read_raw()


# What is lacking, elsewhere, or there twice
def test_a_set_that_lacks_files_says_which(tmp_path):
    write_set(tmp_path / "images", BY_PLANE)
    for z in (0, 3):
        (tmp_path / "images" / f"img_z{z}.ome.tif").unlink()
    assert only(tmp_path).name == "img_z1.ome"
    fails(tmp_path, "img_z1.ome.tif: a part", "img_z0.ome.tif, img_z3.ome.tif", "not here", "copy all files")


@pytest.mark.parametrize("name", ["../secret/x.tif", "{folder}/secret/x.tif", "..\\secret\\x.tif", "sub/x.tif"])
def test_files_elsewhere_are_not_read(tmp_path, name):
    name = name.format(folder=tmp_path)
    for place in ("secret", "data/images/sub", "data/secret"):
        write(tmp_path / place, "x.tif", RAW[3:], "")
    parts = block("a.tif", uid("a"), IFD=0, PlaneCount=3) + block(name, uid("x"), IFD=0, FirstZ=3, PlaneCount=3)
    write(tmp_path / "data" / "images", "a.tif", RAW[:3], ome(image(parts), uid("a")))
    fails(tmp_path / "data", name, "files elsewhere are not read")
    assert list(only(tmp_path / "data").image.files().values()) == [tmp_path / "data" / "images" / "a.tif"]


@pytest.mark.parametrize("uuid", ["", uid("a")])
def test_a_file_without_any_of_its_planes_is_no_volume(tmp_path, uuid):
    text = ome(image(block("b.ome.tif", uid("b"), IFD=0, PlaneCount=6)), uuid)
    # Its one page is the text itself.
    write(tmp_path / "images", "a.tif", np.frombuffer(text.encode()[:300], np.uint8).reshape(1, 10, 30), text)
    fails(tmp_path, "a.tif", *(["b.ome.tif, which is not here"] if uuid else ["planes are missing"]))
    write(tmp_path / "images", "b.ome.tif", RAW, ome(image(block(IFD=0, PlaneCount=6)), uid("b")))
    assert only(tmp_path).name == "b.ome"
    np.testing.assert_array_equal(only(tmp_path).read_raw(), RAW)


def test_two_copies_of_a_set_are_refused(tmp_path):
    write_set(tmp_path / "images", BY_PLANE)
    shutil.copy(tmp_path / "images" / "img_z2.ome.tif", tmp_path / "images" / "z_copy.tif")
    fails(tmp_path, "z_copy.tif", "img_z2.ome.tif", "remove one")


def test_a_file_in_two_sets_is_refused(tmp_path):
    for name, z in (("a.tif", 0), ("b.tif", 5)):
        parts = {name: RAW[z : z + 1], "c.tif": RAW[1:5]}
        write(tmp_path / "images", name, RAW[z : z + 1], ome(image(listed(parts), z=5), uid(name)))
    write(tmp_path / "images", "c.tif", RAW[1:5], "")
    fails(tmp_path, "a.tif and", "b.tif", "both name c.tif")


def test_two_images_in_the_same_files_are_refused(tmp_path):
    parts = {"a.tif": RAW[:3], "b.tif": RAW[3:]}
    write_set(tmp_path / "images", parts, 2 * image(listed(parts)))
    fails(tmp_path, "a.tif", "contains 2 images")
    write(tmp_path / "one" / "images", "a.tif", RAW, ome(2 * image(block(IFD=0, PlaneCount=6))))
    fails(tmp_path / "one", "a.tif", "contains 2 images")


def test_files_of_different_planes_are_refused(tmp_path):
    write_set(tmp_path / "images", {"a.tif": RAW[:3], "b.tif": RAW[3:, :20]})
    fails(tmp_path, "a.tif", "different shapes or types")


# A file by itself
@pytest.mark.parametrize("order", ["XYZCT", "XYCTZ"])
def test_planes_are_taken_in_the_order_that_is_described(tmp_path, order):
    data = "".join(block(IFD=5 - z, FirstZ=z, PlaneCount=1) for z in range(6))
    write(tmp_path / "images", "a.tif", RAW, ome(image(data, order=order)))
    np.testing.assert_array_equal(only(tmp_path).read_raw(), RAW[::-1])


def test_a_file_without_a_list_of_planes(tmp_path):
    write(tmp_path / "images", "a.tif", RAW, ome(image("")))
    np.testing.assert_array_equal(only(tmp_path).read_raw(), RAW)


def test_colours_are_channels(tmp_path):
    colours = np.stack([RAW, RAW[::-1], RAW], axis=-1)
    channel = '<Channel ID="C" SamplesPerPixel="3"/>'
    folder = tmp_path / "images"
    folder.mkdir()
    text = ome(image(block(IFD=0, PlaneCount=6), c=3, channel=channel)).encode()
    tifffile.imwrite(folder / "a.tif", colours, photometric="rgb", description=text, metadata=None)
    fails(tmp_path, "Z, Y, X, S", "data.channel (0 to 2)")
    np.testing.assert_array_equal(only(tmp_path, channel=1).read_raw(), RAW[::-1])


@pytest.mark.parametrize(
    ("body", "needle"),
    [
        (image(block(IFD=0, PlaneCount=6), z=7), "planes are missing"),
        (image(block(IFD=0, PlaneCount=5)), "planes are missing"),
        (image(block(IFD=1, PlaneCount=6)), "planes are missing"),
        (image(block(IFD=-1, PlaneCount=6)), "cannot be read"),
        (image(block(IFD=0, PlaneCount=6), order="ZYXCT"), "cannot be read"),
        (image(block(IFD=0, PlaneCount=6), z=0), "cannot be read"),
        (image(block(IFD=0, PlaneCount=6)) + "<ModuloAlongZ/>", "ModuloAlong"),
        ("", "contains 0 images"),
        ("<Image>", "cannot be read"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(tmp_path, body, needle):
    write(tmp_path / "images", "a.tif", RAW, ome(body))
    fails(tmp_path, str(tmp_path / "images" / "a.tif"), needle)
