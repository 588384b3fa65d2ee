"""Pictures on labels, as data addresses: a page of labels brings them along."""

import io
from base64 import b64encode
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, UnidentifiedImageError

LARGEST_PICTURE = 1024 * 1024
"""Bytes."""

_KINDS = {"PNG": "image/png", "JPEG": "image/jpeg"}


class PictureUnusable(Exception):
    """The file is missing, too large, or no picture; the message says which."""


@cache
def picture(file: str) -> str:
    """A data address of the PNG, JPEG or SVG file. Raises PictureUnusable."""
    path = Path(file)
    try:
        if path.stat().st_size > LARGEST_PICTURE:
            raise PictureUnusable(f"{path} is larger than {LARGEST_PICTURE // 1024 // 1024} MB")
        content = path.read_bytes()
    except OSError as error:
        raise PictureUnusable(f"{path} cannot be read: {error.strerror}") from None
    kind = _kind(content)
    if kind is None:
        raise PictureUnusable(f"{path} is no PNG, JPEG or SVG picture")
    return f"data:{kind};base64,{b64encode(content).decode()}"


def _kind(content: bytes) -> str | None:
    try:
        with Image.open(io.BytesIO(content), formats=list(_KINDS)) as image:
            image.verify()
            return _KINDS[image.format or ""]
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):  # what Pillow says of broken pictures
        return "image/svg+xml" if _is_svg(content) else None


def _is_svg(content: bytes) -> bool:
    try:
        return ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 — the site's own file
    except (ElementTree.ParseError, ValueError, LookupError):
        return False
