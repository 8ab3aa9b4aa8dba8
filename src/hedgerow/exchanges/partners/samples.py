"""Signals of generated pictures and texts, for the exchange ``sample``. A test makes them again."""

from __future__ import annotations

from typing import Final

__all__ = ["SAMPLE_MD5", "SAMPLE_PDQ"]

SAMPLE_PDQ: Final = (
    "6239fe38f0f041a5261d20b5e29fc1c9f3acc31a9baa3dcfb6190dc72cd51946",
    "4956c9d6c97e49d65ea4cca9e2aaf8a9b40a96a335561733dd8612ce89a39729",
    "ddbadd8a852a945a9eb2e78600d47649a38dc345ef2aca571dd13f46d8ec3221",
    "094b0b49de140c3f050ad1abe6f8f1b0df7270a69b4bf8b6097d2f460d9c27d5",
    "4e38ccb8d4a0ce38422bce9a1435397f571d289f0f98b7ca5c2d2195576fb1ca",
    "542bf42ef378b171fcab83f6f55cf2f105df07530d59dbd020290fa705090255",
    "f905f8940d55240109553355d1f2611dbc8097e8fdd6176b3d76063f3d5ae2b6",
    "20153037f8eb2d41f5c2296103547ee7240df6e8f8aa2d791d54e5de1c54cebe",
    "30abf2eafabf3c9f78a96d9c3d020d1f28073d7035d74e7120810c74c72acfa4",
    "e6dcf6882b08215dbecda45d0275f768827d22bde3de061f0cb5d96a02d059a7",
    "ee844dc4a7e0d034c9d6c3331c633663ecd0337afe82b97eca81116bee84917b",
    "c85ec03f1dea954a915db54a012d945016ed35b1f6aedaa78807fbc2a81f3ab5",
)
"""PDQ of sums of 24 waves, 256 by 256, the seeds 1 to 12."""
SAMPLE_MD5: Final = (
    "ee1915f12aae0ce8e3022028562ee53f",
    "4a6fdb6a78a7a51dbb6aae9bd03dec46",
    "65bfb4d7a0ad132ea83ee86e5f5a788b",
    "c433331b05305cdd168e21e2a39b16b1",
    "d82f74c386e39e1aba03b2dba4a54738",
    "85d532a365cb255b8f5e389f4553a0f2",
)
"""MD5 of the texts ``hedgerow sample 1`` to ``hedgerow sample 6``."""
