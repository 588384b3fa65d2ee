"""Images on labels, embedded in the print page as data URLs."""

import io
from base64 import b64encode
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, UnidentifiedImageError

MAX_IMAGE_BYTES = 1024 * 1024

_MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}


class InvalidImage(Exception):
    """The file is missing, too large, or not an image; the message says which."""


@cache
def image_data_url(file: str) -> str:
    """A PNG, JPEG or SVG file as a data URL. Raises InvalidImage."""
    path = Path(file)
    try:
        if path.stat().st_size > MAX_IMAGE_BYTES:
            raise InvalidImage(f"{path} is larger than {MAX_IMAGE_BYTES // 1024 // 1024} MB")
        content = path.read_bytes()
    except OSError as error:
        raise InvalidImage(f"{path} cannot be read: {error.strerror}") from None
    mime_type = _mime_type(content)
    if mime_type is None:
        raise InvalidImage(f"{path} is not a PNG, JPEG or SVG image")
    return f"data:{mime_type};base64,{b64encode(content).decode()}"


def _mime_type(content: bytes) -> str | None:
    try:
        with Image.open(io.BytesIO(content), formats=list(_MIME_TYPES)) as image:
            image.verify()
            return _MIME_TYPES[image.format or ""]
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for broken images
        return "image/svg+xml" if _is_svg(content) else None


def _is_svg(content: bytes) -> bool:
    try:
        return ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 — the site's own file
    except (ElementTree.ParseError, ValueError, LookupError):
        return False
