"""The National Crime Agency of the United Kingdom as an authority: its interface is not public, so people carry.

An *export* is a report as JSON of a schema of ours and as a PDF for people; a *package* is the export with its files,
sealed to named recipients, for a portal. A duty is *discharged* where a report to somebody else fulfils it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.reports.nca.authority import NCA, Nca
    from hedgerow.reports.nca.carrying import package_report
    from hedgerow.reports.nca.duty import Discharge, FiledReport, Priority, discharge, discharges, priority_of
    from hedgerow.reports.nca.package import PackageFile, read_package, write_package
    from hedgerow.reports.nca.pdf import write_pdf
    from hedgerow.reports.nca.shape import FILE_SCHEMA, REPORT_SCHEMA, json_schema

__all__ = [
    "FILE_SCHEMA",
    "NCA",
    "REPORT_SCHEMA",
    "Discharge",
    "FiledReport",
    "Nca",
    "PackageFile",
    "Priority",
    "discharge",
    "discharges",
    "json_schema",
    "package_report",
    "priority_of",
    "read_package",
    "write_package",
    "write_pdf",
]

_HOME = {
    "FILE_SCHEMA": "hedgerow.reports.nca.shape",
    "NCA": "hedgerow.reports.nca.authority",
    "REPORT_SCHEMA": "hedgerow.reports.nca.shape",
    "Discharge": "hedgerow.reports.nca.duty",
    "FiledReport": "hedgerow.reports.nca.duty",
    "Nca": "hedgerow.reports.nca.authority",
    "PackageFile": "hedgerow.reports.nca.package",
    "Priority": "hedgerow.reports.nca.duty",
    "discharge": "hedgerow.reports.nca.duty",
    "discharges": "hedgerow.reports.nca.duty",
    "json_schema": "hedgerow.reports.nca.shape",
    "package_report": "hedgerow.reports.nca.carrying",
    "priority_of": "hedgerow.reports.nca.duty",
    "read_package": "hedgerow.reports.nca.package",
    "write_package": "hedgerow.reports.nca.package",
    "write_pdf": "hedgerow.reports.nca.pdf",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who asks what discharges a duty needs neither age nor a PDF.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.reports.nca' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
