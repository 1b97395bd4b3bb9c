"""Which mask belongs to which image: by name, by data.mask_pattern, and what is said where none does."""

import unicodedata

import numpy as np
import pytest
from pydantic import ValidationError

from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.system.errors import InputError
from tests.data.volumes import blobs, configured, make_folder, only, write_tiff

RAW, LABELS = (array[:6] for array in blobs())
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Zellkörper") for form in ("NFC", "NFD"))


def paired(folder, image, mask, **changes):
    write_tiff(folder / "images" / f"{image}.tif", RAW)
    # A name with .ome makes it OME-TIFF.
    write_tiff(folder / "masks" / f"{mask}.tif", LABELS, metadata={"axes": "ZYX"})
    source = only(folder, **changes)
    np.testing.assert_array_equal(source.read_labels(), LABELS)
    return source.name


@pytest.mark.parametrize(
    ("image", "mask", "pattern"),
    [
        ("cell1", "cell1_mask", "{name}_mask"),
        ("cell1", "cell1_cp_masks", "{name}_cp_masks"),
        ("cell1", "labels_cell1", "labels_{name}"),
        ("case_0000", "case", "{case}"),
        ("case_12_0001", "case_12_gt", "{case}_gt"),
        ("case", "case", "{case}"),
        ("a.ome", "a_mask", "{name}_mask"),
        ("a.ome", "a", "{name}"),
        ("a", "a.ome", "{name}"),
        (COMPOSED, DECOMPOSED, "{name}"),
        (DECOMPOSED, f"{COMPOSED}_mask", "{name}_mask"),
    ],
)
def test_masks_are_found_by_the_pattern(tmp_path, image, mask, pattern):
    assert paired(tmp_path, image, mask, mask_pattern=pattern) == image


def test_a_mask_of_the_very_name_is_preferred(tmp_path):
    make_folder(tmp_path, ["a", "a.ome"])
    found = find_sources(configured(test_data=tmp_path), ["test"])["test"]
    assert [(source.name, source.labels.file.name) for source in found] == [("a", "a.tif"), ("a.ome", "a.ome.tif")]


def test_what_has_a_partner_of_the_very_name_is_none_of_others(tmp_path):
    make_folder(tmp_path, ["a", "a.ome"], masks=False)
    (tmp_path / "centers").mkdir()
    (tmp_path / "centers" / "a.csv").write_text("1, 2, 3\n")
    found = find_sources(configured(test_data=tmp_path), ["test"])["test"]
    assert {source.name: source.has_points for source in found} == {"a": True, "a.ome": False}


def test_tables_of_centers_are_found_whatever_form_their_letters_have(tmp_path):
    make_folder(tmp_path / "tif", [COMPOSED], masks=False)
    (tmp_path / "tif" / "centers").mkdir()
    (tmp_path / "tif" / "centers" / f"{DECOMPOSED}.csv").write_text("1, 2, 3\n")
    assert only(tmp_path / "tif").has_points


@pytest.mark.parametrize(
    ("image", "mask", "hint"),
    [
        ("cell1", "cell1_mask", 'mask of cell1, set data.mask_pattern = "{name}_mask"'),
        ("cell1", "cell1_cp_masks", 'set data.mask_pattern = "{name}_cp_masks"'),
        ("case_0000", "case", 'set data.mask_pattern = "{case}"'),
        ("a1_z00.ome", "a1", "mask of a1_z00.ome, rename one of the two"),
        ("worm_17", "wrom_17", "mask of worm_17, rename one of the two"),
        ("abc", "xyz", "or remove the mask"),
    ],
)
def test_a_mask_without_image_comes_with_the_likely_image(tmp_path, image, mask, hint):
    with pytest.raises(InputError) as caught:
        paired(tmp_path, image, mask)
    assert str(caught.value).startswith(f"{tmp_path / 'masks' / mask}.tif: no image of this name")
    assert str(caught.value).endswith(hint)


@pytest.mark.parametrize(
    ("images", "masks", "pattern"),
    [
        (["case_0000", "case_0001"], ["case"], "{case}"),
        (["a", "a.ome"], ["a_mask.ome"], "{name}_mask"),
        (["a.ome"], ["a_mask", "a_mask.ome"], "{name}_mask"),
    ],
)
def test_a_mask_or_image_with_two_partners_is_refused(tmp_path, images, masks, pattern):
    for kind, names in (("images", images), ("masks", masks)):
        for name in names:
            write_tiff(tmp_path / kind / f"{name}.tif", LABELS)
    with pytest.raises(InputError) as caught:
        only(tmp_path, mask_pattern=pattern)
    for name in (*images, *masks):
        assert f"{name}.tif" in str(caught.value)
    assert "both fit" in str(caught.value)


@pytest.mark.parametrize(
    "pattern", ["", "mask", "{name}{name}", "{name}_{case}", "{other}_{name}", "../{name}", "{name", "{}"]
)
def test_a_pattern_names_the_image_once(pattern):
    with pytest.raises(ValidationError, match="mask_pattern"):
        configured(mask_pattern=pattern)
