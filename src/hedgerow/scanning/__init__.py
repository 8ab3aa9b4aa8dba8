"""A *scan* walks many files through hashing and matching, in one order, and survives any interruption.

Its *journal* is the work file by which it goes on where it was; a *result* is what came of one file or one member of
an archive; a *report* is what a person or a program reads of it. A *group* holds near-duplicates, of which a person
needs to look at one (`hedgerow.scanning.group`, which a scan does not load).
"""

from hedgerow.scanning.journal import Journal, remove_abandoned
from hedgerow.scanning.model import FileResult, Progress, ScanStatistics, ThroughputSample
from hedgerow.scanning.report import (
    FORMATS,
    BankLine,
    Report,
    ReportHeader,
    open_report,
    report_format,
    shown,
    written_paths,
)
from hedgerow.scanning.scan import Scan, ScanRequest, types_wanted
from hedgerow.scanning.walk import FoundFile, Measure, WalkTally, measure, walk

__all__ = [
    "FORMATS",
    "BankLine",
    "FileResult",
    "FoundFile",
    "Journal",
    "Measure",
    "Progress",
    "Report",
    "ReportHeader",
    "Scan",
    "ScanRequest",
    "ScanStatistics",
    "ThroughputSample",
    "WalkTally",
    "measure",
    "open_report",
    "remove_abandoned",
    "report_format",
    "shown",
    "types_wanted",
    "walk",
    "written_paths",
]
