"""Which mask or table belongs to which image, by their names."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from auxcpvloss.system.errors import InputError

SAME = "{name}"
CHANNEL = re.compile(r"_\d{4}$")
"""Channel of an image of nnU-Net, at the end of its name."""


def partners(images: Mapping[str, Any], others: Mapping[str, Any], pattern: str = SAME) -> dict[str, str]:
    """Find the partner of each image that has one.

    Names are equal if they look equal, whether letters with accents are one character or two; and `a.ome.tif` is a
    partner of `a.tif`, where there is none of exactly the same name.

    Parameters
    ----------
    images, others : mapping
        Names of the files, without the suffix, -> anything.
    pattern : str
        Name of the partner: ``{name}`` stands for that of the image, ``{case}`` for it without the channel of nnU-Net.

    Raises
    ------
    InputError
        An image has two partners, or two images have the same one.
    """
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    alike: dict[str, list[str]] = defaultdict(list)
    exact = {image: _filled(pattern, image) for image in images}
    for other in others.keys() - set(exact.values()):
        alike[_form(other)].append(other)
    for image, wanted in exact.items():
        there = [wanted] if wanted in others else sorted(alike[_form(_filled(pattern, _form(image)))])
        if len(there) > 1:
            raise InputError(f"{others[there[0]]} and {others[there[1]]}: both fit {images[image]}; remove one of them")
        for each in there:
            if each in taken:
                both = f"{images[taken[each]]} and {images[image]}"
                raise InputError(f"{both}: both fit {others[each]}; remove one of them")
            found[image], taken[each] = each, image
    return found


def likely(other: str, images: Sequence[str]) -> str:
    """Say which image a mask without one probably belongs to, and what to do then; "" where none is like it."""
    for image in sorted(images, key=len, reverse=True):
        for name, placeholder in ((_form(image), SAME), (CHANNEL.sub("", _form(image)), "{case}")):
            if name in _form(other):
                pattern = _form(other).replace(name, placeholder, 1)
                return f'. If it is the mask of {image}, set data.mask_pattern = "{pattern}"'
    # As a volume is called of whose files the first has a name that goes on, such as a_z00.
    longer = [image for image in images if _form(image).startswith(_form(other))]
    close = longer if len(longer) == 1 else difflib.get_close_matches(other, images, 1)
    return f". If it is the mask of {close[0]}, rename one of the two" if close else ""


def _filled(pattern: str, image: str) -> str:
    return pattern.replace("{case}", CHANNEL.sub("", image)).replace(SAME, image)


def _form(name: str) -> str:
    return unicodedata.normalize("NFC", name).removesuffix(".ome")
