"""A zip of TIFF files, as the L1 data set is published: read where it is, never unpacked.

It holds train/, val/ and test/, or a data set that is not split, below at most one folder around all; junk such as
__MACOSX is left out. Members that lead out of the zip, or expand to more than images do, are refused.
"""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.format import CENTERS, SPLITS, Format
from auxcpvloss.data.sources.tif import TIF, pair
from auxcpvloss.data.untrusted.zips import ZipMember, zip_members
from auxcpvloss.system.errors import InputError

Folder = tuple[str, Mapping[str, Sequence[ZipMember]]]
"""How messages name a folder in a zip, and the files of each such folder."""


def _places(path: Path, data: Data) -> Mapping[str, Folder]:
    """Sort the files of a zip by split and folder."""
    # A zip that was cut off is known by its suffix only.
    if not path.is_file() or not (path.suffix.lower() == ".zip" or zipfile.is_zipfile(path)):
        return {}
    members = zip_members(path)
    content: dict[str, dict[str, list[ZipMember]]] = defaultdict(lambda: defaultdict(list))
    tops = set()
    for member in members:
        *above, folder = member.parts[:-1] or ("",)
        if folder in (data.images, data.masks, CENTERS):
            split = above.pop() if above and above[-1] in SPLITS else ""
            tops.add("/".join(above))
            content[split][folder].append(member)
    if len(tops) > 1:
        raise InputError(f"{path}: more than one data set, in {', '.join(sorted(tops))}; expected one folder in a zip")
    if not any(data.images in folders for folders in content.values()):
        names = ", ".join(member.member for member in members[:5]) or "nothing"
        raise InputError(
            f"{path}: no volumes; expected train/, val/ and test/ with {data.images}/<name>.tif and "
            f"{data.masks}/<name>.tif in each; it holds {names}"
        )
    return {split: (f"{path}!{split}".rstrip("!"), folders) for split, folders in content.items()}


ZIP = Format(
    "zip",
    f"a zip of {TIF.expected}",
    is_in=lambda place, data: True,
    volumes=lambda place, data: pair(place[0], place[1], data),
    places=_places,
)
