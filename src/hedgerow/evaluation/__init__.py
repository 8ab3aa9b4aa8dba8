"""*Evaluation* says how well altered copies are found, and how often something else is.

A *transform* makes an altered copy of an ordinary picture, deterministically; *recall* is the share of copies that lie
within one threshold of the original's banked signal. A *row* states the recall of several transforms together. An
*impostor* is a copy beside the entry of another picture.
"""

from hedgerow.evaluation.intervals import Share, wilson
from hedgerow.evaluation.measure import Progress, evaluate
from hedgerow.evaluation.model import BANDS, Band, Evaluation, Hit, Impostors, Plan, SameScene
from hedgerow.evaluation.recommend import Recommendation, background_of, recommend
from hedgerow.evaluation.report import Report, write_report
from hedgerow.evaluation.transforms import FAMILIES, ROWS, TRANSFORMS, Row, Transform, prepared, transforms_named

__all__ = [
    "BANDS",
    "FAMILIES",
    "ROWS",
    "TRANSFORMS",
    "Band",
    "Evaluation",
    "Hit",
    "Impostors",
    "Plan",
    "Progress",
    "Recommendation",
    "Report",
    "Row",
    "SameScene",
    "Share",
    "Transform",
    "background_of",
    "evaluate",
    "prepared",
    "recommend",
    "transforms_named",
    "wilson",
    "write_report",
]
