"""Text files of unknown origin, also as editors on Windows write them."""

from __future__ import annotations

import codecs

from auxcpvloss.system.errors import InputError

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""First bytes of a file that say how it is encoded."""
PATH_ADVICE = (
    "Write paths with /, or in single quotes: 'C:\\data', because \\ has a meaning of its own in double quotes"
)


def decoded(origin: object, content: bytes) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark.

    Raises
    ------
    InputError
        Names `origin`, the line and the byte that is neither.
    """
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{origin}, line {line}: not UTF-8 (byte {content[error.start]:#04x}); save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise InputError(f"{origin}: not a text file, or of an encoding that it does not say; save it as UTF-8")
    return text


def path_hint(path: str) -> str:
    r"""Give advice for a path that does not exist and was perhaps written as on Windows: "C:\temp" holds a tab."""
    return f". {PATH_ADVICE}" if "\\" in path or not path.isprintable() else ""
