from __future__ import annotations

import hashlib
import io

import numpy as np
from PIL import Image

from hedgerow.exchanges.partners.samples import SAMPLE_MD5, SAMPLE_PDQ
from hedgerow.hashing import hash_bytes

__all__: list[str] = []


def test_the_samples_are_those_of_generated_pictures_and_texts() -> None:
    for seed, value in enumerate(SAMPLE_PDQ, 1):
        stream = io.BytesIO()
        Image.fromarray(_waves(seed)).save(stream, "PNG")
        made = hash_bytes(stream.getvalue(), ["pdq"], exact=True).signals[0]
        # a cosine may differ in its last bit from machine to machine
        assert (int(value, 16) ^ int(made.value, 16)).bit_count() <= 2
    for number, value in enumerate(SAMPLE_MD5, 1):
        assert hashlib.md5(f"hedgerow sample {number}".encode(), usedforsecurity=False).hexdigest() == value


def _waves(seed: int) -> np.ndarray:
    y, x = np.mgrid[0:256, 0:256] / 256.0
    random = np.random.default_rng(seed)
    drawn = np.zeros((256, 256))
    for _ in range(24):
        across, down = random.integers(-7, 8, 2)
        phase, height = random.random(2)
        drawn += height * np.cos(2 * np.pi * (across * x + down * y + phase))
    drawn = (drawn - drawn.min()) / (drawn.max() - drawn.min())
    return (drawn * 255).round().astype(np.uint8)
