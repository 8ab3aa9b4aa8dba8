"""Generated pictures: something with structure, so that a wrong turn or a lost channel shows."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.media import Pixels

COLUMNS, ROWS = 96, 64


def _scene(columns: int = COLUMNS, rows: int = ROWS) -> Image.Image:
    y, x = np.mgrid[0:rows, 0:columns]
    red = 255 * x / columns
    green = 255 * y / rows
    blue = 127 + 120 * np.sin(x / columns * 9) * np.cos(y / rows * 5)
    return Image.fromarray(np.dstack([red, green, blue]).astype(np.uint8))


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _whole(pixels: Pixels) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return pixels.rows(0, -(-pixels.height // pixels.scale))


def _upright(pixels: Pixels) -> np.ndarray[Any, np.dtype[np.uint8]]:
    array = _whole(pixels)
    turns: dict[int, Callable[[Any], Any]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, 1),
    }
    return np.ascontiguousarray(turns[pixels.orientation](array))


@pytest.fixture(scope="session")
def scene() -> Callable[..., Image.Image]:
    """Draw the test scene at any size."""
    return _scene


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Encode an image into bytes."""
    return _encoded


@pytest.fixture(scope="session")
def whole() -> Callable[[Pixels], np.ndarray[Any, np.dtype[np.uint8]]]:
    """Read all rows."""
    return _whole


@pytest.fixture(scope="session")
def upright() -> Callable[[Pixels], np.ndarray[Any, np.dtype[np.uint8]]]:
    """Read all rows and turn them as a viewer does."""
    return _upright
