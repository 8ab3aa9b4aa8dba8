"""Which known signals lie near a query, exactly and fast.

An **index** holds known signals, each under an id, and answers a search with **matches**: every known signal within a
threshold of a query, with its distance in bits. `HammingIndex` is for 256-bit perceptual signals such as PDQ,
`DigestIndex` for equality of digests. A **snapshot** is an index saved to a folder, whence processes map and share it.
"""

from hedgerow.matching.digests import DigestIndex
from hedgerow.matching.hamming import HammingIndex
from hedgerow.matching.index import DEFAULT_THRESHOLD, MAX_THRESHOLD
from hedgerow.matching.matches import Match, Matches

__all__ = ["DEFAULT_THRESHOLD", "MAX_THRESHOLD", "DigestIndex", "HammingIndex", "Match", "Matches"]
