"""Pictures within the page: data URIs."""

from __future__ import annotations

import base64
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray


def data_uri(kind: str, content: bytes) -> str:
    """Give an image as a data URI; `kind` is "png" or "webp"."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def as_webp(image: NDArray[Any], quality: int, effort: int = 4) -> str:
    """Compress an image, with losses, to a data URI.

    Parameters
    ----------
    image : (Y, X) array of gray values or (Y, X, 3) array of colors, uint8
    quality : int
        0 to 100.
    effort : int
        0 to 6: how long to try for few bytes.
    """
    colors = image if image.ndim == 3 else np.repeat(image[..., np.newaxis], 3, axis=-1)
    content = imagecodecs.webp_encode(np.ascontiguousarray(colors), level=quality, method=effort, lossless=False)
    return data_uri("webp", bytes(content))


def png_as_webp(content: bytes) -> str:
    """Give a PNG as a data URI that takes less room; transparency is dropped."""
    return as_webp(imagecodecs.png_decode(content)[..., :3], quality=80)
