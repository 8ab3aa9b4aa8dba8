"""Everything for which a report cannot be sent.

The schema's table and the rules that speak of one field are in `shape`, the rules between the fields of an element in
`crossing`, those of batched reports in `batched`. Here are those that need the whole document: R03, R04, R05, R15 to
R19, and that nothing is sent for good that names nobody.

Each violation names its field in plain words, never what the field holds, and says where to mend it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow.errors import DraftInvalid
from hedgerow.reports.cybertipline.batched import check_batched_file, check_batched_report, is_batched
from hedgerow.reports.cybertipline.crossing import CROSSINGS
from hedgerow.reports.cybertipline.document import text_of
from hedgerow.reports.cybertipline.formats import is_placeholder
from hedgerow.reports.cybertipline.places import Place, file_place, report_place
from hedgerow.reports.cybertipline.schema import load_schema
from hedgerow.reports.cybertipline.shape import check_shape
from hedgerow.reports.cybertipline.views import with_views

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from hedgerow.reports.cybertipline.schema import Child
    from hedgerow.reports.model import Draft, Violation

__all__ = ["Numbers", "check_draft", "check_file", "check_report", "require_sendable"]

_PEOPLE: Final = {
    "personOrUserReported": "personOrUserReportedPerson",
    "intendedRecipient": "intendedRecipientPerson",
    "victim": "victimPerson",
}
_PRODUCTION = "production"


class Numbers(NamedTuple):
    """What the authority has given so far.

    Attributes:
        report_id: Of the report that is open.
        file_ids: Of the files that it has taken.
    """

    report_id: int
    file_ids: Collection[str]


def check_report(
    content: Mapping[str, Any],
    *,
    now: datetime,
    environment: str,
    files: Sequence[Mapping[str, Any]] = (),
    foreign_reports: Collection[int] = (),
    is_newer: bool = False,
) -> list[Violation]:
    """Find everything for which a report cannot be sent.

    Args:
        content: Of the document ``report``.
        now: What the past ends with.
        environment: ``test`` or ``production``: what is sent for good names hosts that are somebody's.
        files: What is said of each of its files; `check_file` checks them.
        foreign_reports: Numbers of reports that were made in the other environment: they mean nothing in this one.
        is_newer: With the elements of `load_schema`'s ``is_newer``.

    Returns:
        In the order of the document; none where it can be sent.
    """
    place, kind = report_place(), load_schema(is_newer=is_newer).roots["report"]
    found = list(check_shape(kind, content, place, now=now, crossings=CROSSINGS))
    if isinstance(content, dict):
        found += _check_reporter(content, place, environment)
        found += _check_people(content, place)
        found += _check_emails(content, place)
        found += _check_earlier(content, place, foreign_reports)
        if is_batched(content):
            found += check_batched_report(content, place, files=len(files))
    return found


def check_file(
    details: Mapping[str, Any],
    *,
    report: Mapping[str, Any],
    now: datetime,
    number: int | None = None,
    numbers: Numbers | None = None,
    is_newer: bool = False,
) -> list[Violation]:
    """Find everything for which what is said of a file cannot be sent.

    Args:
        details: Of the document ``fileDetails``, with what the records of viewing say.
        report: The report that it belongs to.
        now: What the past ends with.
        number: Which file of a draft, from 1; the messages name it.
        numbers: What the authority has given. None while nothing is open: the details leave both numbers out.
        is_newer: With the elements of `load_schema`'s ``is_newer``.
    """
    place, kind = file_place(number), load_schema(is_newer=is_newer).roots["fileDetails"]
    left_open = () if numbers else ("reportId", "fileId")
    found = list(check_shape(kind, details, place, now=now, crossings=CROSSINGS, left_open=left_open))
    if isinstance(details, dict):
        found += _check_file_rules(details, place)
        found += _check_numbers(details, place, numbers)
        if is_batched(report):
            found += check_batched_file(details, place)
    return found


def check_draft(
    draft: Draft,
    *,
    now: datetime,
    environment: str,
    foreign_reports: Collection[int] = (),
    is_newer: bool = False,
) -> list[Violation]:
    """Find everything for which a draft cannot be sent: its report and all of its files.

    Args:
        draft: The draft.
        now: What the past ends with.
        environment: As for `check_report`.
        foreign_reports: As for `check_report`.
        is_newer: As for `check_report`.

    Raises:
        ViewedCannotBeStated: What is said of a file says that it was viewed.
    """
    files = [with_views(each.details, each.viewed) for each in draft.files]
    found = check_report(
        draft.content,
        now=now,
        environment=environment,
        files=files,
        foreign_reports=foreign_reports,
        is_newer=is_newer,
    )
    for number, details in enumerate(files, 1):
        found += check_file(details, report=draft.content, now=now, number=number, is_newer=is_newer)
    return found


def require_sendable(violations: Sequence[Violation]) -> None:
    """Raise DraftInvalid where there is a violation."""
    if violations:
        raise DraftInvalid(tuple(each.sentence for each in violations))


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────


def _at(place: Place, *names: str, root: str = "report") -> Place:
    """Go down by names."""
    kind = load_schema().roots[root]
    for name in names:
        child = kind.children[name]
        place, kind = place.child(child), child.kind
    return place


def _objects(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Give what a repeated field holds, as far as it has the shape."""
    found = content.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _object(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _emails(person: Mapping[str, Any]) -> list[str]:
    found = person.get("email")
    texts = [text_of(each) for each in found] if isinstance(found, list) else []
    return [each for each in texts if isinstance(each, str) and each.strip()]


def _check_reporter(content: Mapping[str, Any], place: Place, environment: str) -> Iterator[Violation]:
    reporter = _object(content, "reporter")
    person = _object(reporter, "reportingPerson")
    if not _emails(person):
        email = _at(place, "reporter", "reportingPerson", "email")
        yield email.breaks("R03", "a report has to have an e-mail address of whoever sends it")
    if environment != _PRODUCTION:
        return
    for role in ("reportingPerson", "contactPerson"):
        if any(is_placeholder(each) for each in _emails(_object(reporter, role))):
            problem = "it is a placeholder, and this report is for the authority itself"
            yield _at(place, "reporter", role, "email").breaks("placeholder", problem)
    legal = reporter.get("legalURL")
    if isinstance(legal, str) and is_placeholder(legal):
        problem = "it is a placeholder, and this report is for the authority itself"
        yield _at(place, "reporter", "legalURL").breaks("placeholder", problem)


def _check_people(content: Mapping[str, Any], place: Place) -> Iterator[Violation]:
    people = content.get("personOrUserReported")
    if isinstance(people, list) and len(people) > 1 and not is_batched(content):
        problem = f"a report is about one, and this one names {len(people)}: make a report for each"
        yield _at(place, "personOrUserReported").breaks("R04", problem)


def _check_emails(content: Mapping[str, Any], place: Place) -> Iterator[Violation]:
    known = {
        email
        for role, person in _PEOPLE.items()
        for each in _objects(content, role)
        for email in _emails(_object(each, person))
    }
    internet = load_schema().roots["report"].children["internetDetails"]
    for number, each in enumerate(_list(content, "internetDetails"), 1):
        for name in ("emailIncident", "newsgroupIncident"):
            incident = _object(each, name) if isinstance(each, dict) else {}
            child = internet.kind.children[name]
            for which, said in enumerate(_list(incident, "emailAddress"), 1):
                if not any(text_of(said) == each for each in known):
                    address = child.kind.children["emailAddress"]
                    yield (
                        place.child(internet, number)
                        .child(child)
                        .child(address, which)
                        .breaks(
                            "R05",
                            "the reported person, an intended recipient or a victim has to have it among theirs",
                            "Add it there as well, under e-mail address of the person whose it is.",
                        )
                    )


def _list(content: Mapping[str, Any], name: str) -> list[Any]:
    found = content.get(name)
    return found if isinstance(found, list) else []


def _check_earlier(content: Mapping[str, Any], place: Place, foreign: Collection[int]) -> Iterator[Violation]:
    root = load_schema().roots["report"]
    for role in _PEOPLE:
        for number, each in enumerate(_list(content, role), 1):
            if not isinstance(each, dict):
                continue
            child = root.children[role]
            here = place.child(child, number)
            yield from _foreign(each, "priorCTReports", child.kind.children["priorCTReports"], here, foreign)
            account = child.kind.children.get("associatedAccount")
            for which, linked in enumerate(_list(each, "associatedAccount") if account else [], 1):
                if account is not None and isinstance(linked, dict):
                    earlier = account.kind.children["priorCTReport"]
                    yield from _foreign(linked, "priorCTReport", earlier, here.child(account, which), foreign)


def _foreign(
    said: Mapping[str, Any], name: str, child: Child, place: Place, foreign: Collection[int]
) -> Iterator[Violation]:
    for number, each in enumerate(_list(said, name), 1):
        if isinstance(each, int) and each in foreign:
            problem = "that report was made in the other environment, where numbers mean something else"
            yield place.child(child, number).breaks("R15", problem)


# ── a file ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_file_rules(details: Mapping[str, Any], place: Place) -> Iterator[Violation]:
    if details.get("exifViewedByEsp") is True and details.get("fileViewedByEsp") is not True:
        where = _at(place, "fileViewedByEsp", root="fileDetails")
        yield where.breaks(
            "R16",
            "it has to be true where the EXIF data was viewed",
            "Neither can be typed: whoever has opened the EXIF data can view the file in full, and it is so recorded.",
        )
    if details.get("fileRelevance") == "Supplemental Reported":
        annotations = details.get("fileAnnotations")
        is_meme = (isinstance(annotations, dict) and "potentialMeme" in annotations) or "potentialMeme" in details
        if is_meme or "industryClassification" in details:
            where = _at(place, "fileRelevance", root="fileDetails")
            yield where.breaks("R17", "a file with a classification, or annotated as potential meme, is Reported")


def _check_numbers(details: Mapping[str, Any], place: Place, numbers: Numbers | None) -> Iterator[Violation]:
    report_id, file_id = details.get("reportId"), details.get("fileId")
    report, file = (_at(place, name, root="fileDetails") for name in ("reportId", "fileId"))
    if "reportId" in details and (
        isinstance(report_id, bool)
        or not isinstance(report_id, int)
        or report_id < 1
        or (numbers is not None and report_id != numbers.report_id)
    ):
        yield report.breaks("R18", "it is not the number of the report that this file belongs to")
    if "fileId" in details and numbers is not None and not any(file_id == each for each in numbers.file_ids):
        yield file.breaks("R19", "the report has no such file")
