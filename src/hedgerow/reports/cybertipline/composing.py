"""What a case gives for a report. A person completes it, and another approves it.

What goes where:

1. The account that the case is about is the reported person, with what the platform told of it (see `told`).
2. Files are the media of clusters whose decision in force is "confirmed", as "Reported", with that decision's
   classification and the annotations that its tags stand for (see `codes`). Nothing else is.
3. Attachments that people added to the case go with it as "Supplemental Reported".
4. The incident's time is the upload of the latest of these files, and the text beside it says so. Where the platform
   told no time, there is none: a person states it. The present is never put in its place.
5. The incident's type is stated where a file has a class, since the classes are of nothing else.
6. What the records of viewing say is added when a file is rendered. It is nothing that is composed.
7. Earlier reports of the same account are linked.
8. What does not fit is left out, with a note.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hedgerow.reports.cybertipline.codes import (
    FILE_TAGS,
    INCIDENT_OF_CLASSIFIED,
    REPORT_TAGS,
    REPORTED,
    SUPPLEMENTAL,
)
from hedgerow.reports.cybertipline.told import Reader, best_ip_event, ip_event_text
from hedgerow.reports.cybertipline.views import view_facts
from hedgerow.reports.model import Content, Draft, DraftFile, TextPlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.cases import Case, Decision, Submission, Verdict
    from hedgerow.reports.model import EvidenceFacts
    from hedgerow.settings import ReportsSettings

__all__ = ["SUPPLEMENT_NAME", "compose", "instant", "reporter_content"]

SUPPLEMENT_NAME: Final = "text.txt"
"""Of the file that the texts around submissions are put into."""

_ACCOUNTS: Final = {
    "recipients": ("intendedRecipient", "intendedRecipientPerson"),
    "victims": ("victim", "victimPerson"),
}
_ITEMS_PER_FETCH: Final = 500


@dataclass(frozen=True, slots=True)
class _Found:
    """A submission of the case, and what was decided about it."""

    submission: Submission
    verdict: Verdict | None
    decision: Decision | None

    @property
    def origin(self) -> str:
        return f"submission {self.submission.id}"


def compose(
    connection: Connection,
    case_id: int,
    *,
    reporter: ReportsSettings,
    now: datetime,
    earlier_reports: Iterable[int] = (),
    evidence: Sequence[EvidenceFacts] | None = None,
    text: TextPlace = TextPlace.ADDITIONAL_INFO,
) -> Draft:
    """Compose a draft from a case.

    Args:
        connection: An open connection; nothing is written.
        case_id: The case.
        reporter: Who reports.
        now: What the past ends with.
        earlier_reports: Numbers of the account's earlier reports, in the same environment.
        evidence: What is kept of the case; None asks the evidence room.
        text: Where the texts around submissions go.

    Raises:
        CaseNotFound: There is none.
    """
    from hedgerow.cases import find_case  # noqa: PLC0415  (rendering needs no database)

    case = find_case(connection, case_id)
    found = _submissions_of(connection, case)
    reader = Reader(now)
    confirmed = [each for each in found if each.verdict == "confirmed"]
    if not confirmed:
        reader.notes.append("Nothing in this case is confirmed, so no media goes with the draft.")
    kept = _evidence_of(connection, case_id) if evidence is None else list(evidence)
    files, without_bytes = _files(connection, confirmed, kept, reporter, reader)
    files += [_attachment(each) for each in kept if each.submission_id is None and each.object is not None]
    content: Content = {"incidentSummary": _incident(confirmed, reporter, reader)}
    pages = [page for each in found for page in _pages(each, reader)]
    if pages:
        content["internetDetails"] = [{"webPageIncident": {"url": list(dict.fromkeys(pages))}}]
    content["reporter"] = reporter_content(reporter)
    person = _reported(case, found, reporter, sorted(set(earlier_reports)), reader)
    if person:
        content["personOrUserReported"] = [person]
    content |= _others(found, reader)
    texts = [_text(each) for each in found if each.submission.sent.text_context and each.verdict != "not_a_match"]
    information = list(without_bytes)
    if texts and text is TextPlace.ADDITIONAL_INFO:
        information += texts
    if information:
        content["additionalInfo"] = "\n\n".join(information)
    if texts and text is TextPlace.SUPPLEMENT:
        supplement = _supplement("\n\n".join(texts), kept)
        files = [each for each in files if each.evidence_id is None or each.evidence_id != supplement.evidence_id]
        files.append(supplement)
    if texts and text is TextPlace.NOWHERE:
        reader.notes.append(f"The texts around {len(texts)} submissions were left out, as was asked for.")
    return Draft(content, tuple(files), tuple(reader.notes))


def instant(at: datetime) -> str:
    """Write a time in the document's way.

    >>> from datetime import UTC, datetime
    >>> instant(datetime(2026, 3, 4, 11, 22, 33, 500_000, tzinfo=UTC))
    '2026-03-04T11:22:33.500000Z'
    """
    from datetime import UTC  # noqa: PLC0415  (the annotations' own module)

    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def reporter_content(reporter: ReportsSettings) -> Content:
    """Say who reports, as far as the settings know."""
    person = _person(
        reporter.reporter_first_name, reporter.reporter_last_name, reporter.reporter_phone, reporter.reporter_email
    )
    contact = _person(
        reporter.contact_first_name, reporter.contact_last_name, reporter.contact_phone, reporter.contact_email
    )
    stated = {
        "contactPerson": contact or None,
        "companyTemplate": reporter.company_template,
        "termsOfService": reporter.terms_of_service,
        "legalURL": reporter.legal_url,
    }
    return {"reportingPerson": person} | {name: value for name, value in stated.items() if value}


def _person(first: str | None, last: str | None, phone: str | None, email: str | None) -> Content:
    stated = {
        "firstName": first,
        "lastName": last,
        "phone": [phone] if phone else None,
        "email": [email] if email else None,
    }
    return {name: value for name, value in stated.items() if value}


# ── the case ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _submissions_of(connection: Connection, case: Case) -> list[_Found]:
    from hedgerow.cases import case_clusters, case_items_of, decisions_of, find_submission  # noqa: PLC0415  (as above)
    from hedgerow.cases.rules import decision_in_force  # noqa: PLC0415  (as above)

    made = decisions_of(connection, case.id)
    in_force = {each.id: decision_in_force(made, each.id) for each in case_clusters(connection, case.id)}
    found, after = [], 0
    while items := case_items_of(connection, case.id, after=after, limit=_ITEMS_PER_FETCH):
        after = items[-1].id
        for item in items:
            decision = in_force.get(item.cluster_id)
            verdict = None if decision is None else decision.verdict
            found.append(_Found(find_submission(connection, item.submission_id), verdict, decision))
    return sorted(found, key=lambda each: each.submission.id)


def _evidence_of(connection: Connection, case_id: int) -> list[EvidenceFacts]:
    from hedgerow.evidence import case_evidence  # noqa: PLC0415  (as above)

    return list(case_evidence(connection, case_id))


def _tags(found: Iterable[_Found]) -> set[str]:
    return {tag for each in found if each.decision is not None for tag in each.decision.tags}


def _annotations(tags: Iterable[str], meanings: dict[str, str]) -> Content:
    wanted = {meanings[tag] for tag in tags if tag in meanings}
    return dict.fromkeys(sorted(wanted), True)


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────


def _incident(confirmed: list[_Found], reporter: ReportsSettings, reader: Reader) -> Content:
    incident: Content = {}
    if any(each.decision is not None and each.decision.classification is not None for each in confirmed):
        incident["incidentType"] = INCIDENT_OF_CLASSIFIED
    else:
        reader.notes.append("No file has a class, so the type of the incident is open: choose it.")
    if reporter.platform:
        incident["platform"] = reporter.platform
    annotations = _annotations(_tags(confirmed), REPORT_TAGS)
    if annotations:
        incident["reportAnnotations"] = annotations
    times = sorted(each.submission.sent.uploaded_at for each in confirmed if each.submission.sent.uploaded_at)
    if not times:
        reader.notes.append("When it happened is not known: state it.")
        return incident
    incident["incidentDateTime"] = instant(times[-1])
    incident["incidentDateTimeDescription"] = _time_description(times, len(confirmed))
    return incident


def _time_description(times: list[datetime], files: int) -> str:
    if files == 1:
        return "The time at which the file was uploaded, as the platform recorded it."
    known = "" if len(times) == files else f" The upload time is known of {len(times)} of them."
    return (
        f"The time at which the latest of {files} files was uploaded, as the platform recorded it; the first was "
        f"uploaded at {instant(times[0])}.{known}"
    )


def _pages(found: _Found, reader: Reader) -> list[str]:
    said = found.submission.sent.context.get("page_url")
    return [] if said is None else reader.web_pages(said, f"context.page_url of {found.origin}")


def _reported(
    case: Case, found: list[_Found], reporter: ReportsSettings, earlier: list[int], reader: Reader
) -> Content:
    """Say what is known of the account: of what was told at different times the latest holds, and lists add up."""
    told: Content = {}
    for each in found:
        sent = each.submission.sent
        account = reader.account(
            sent.context.get("account"),
            "personOrUserReported",
            "personOrUserReportedPerson",
            f"context.account of {each.origin}",
        )
        uploads = reader.upload_event(sent.ip_event, f"ip_event of {each.origin}")
        _merge(told, account | {"ipCaptureEvent": [*account.get("ipCaptureEvent", []), *uploads]})
    if not told.get("ipCaptureEvent"):
        told.pop("ipCaptureEvent", None)
    if case.subject_kind == "account":
        if told.get("espIdentifier", case.subject_id) != case.subject_id:
            reader.notes.append(
                "The platform told another id inside context.account: the account of the case is named."
            )
        told["espIdentifier"] = case.subject_id
    if reporter.service and told:
        told["espService"] = reporter.service
    if earlier and told:
        told["priorCTReports"] = earlier
    return told


def _merge(into: Content, later: Content) -> None:
    for name, value in later.items():
        if isinstance(value, list):
            into[name] = into.get(name, []) + [each for each in value if each not in into.get(name, [])]
        elif isinstance(value, dict) and isinstance(into.get(name), dict) and name.endswith("Person"):
            _merge(into[name], value)
        else:
            into[name] = value


def _others(found: list[_Found], reader: Reader) -> Content:
    content: Content = {}
    for key, (role, person) in _ACCOUNTS.items():
        people: list[Content] = []
        for each in found:
            said = each.submission.sent.context.get(key)
            for number, one in enumerate(said if isinstance(said, list) else [said], 1):
                origin = f"context.{key} ({number}) of {each.origin}"
                account = reader.account(one, role, person, origin)
                _add_person(people, account)
        if people:
            content[role] = [
                each | ({person: {}} if role == "victim" and person not in each else {}) for each in people
            ]
    return content


def _add_person(people: list[Content], account: Content) -> None:
    """Add an account, or what is new of one that is there."""
    if not account:
        return
    known = next(
        (
            each
            for each in people
            if "espIdentifier" in account and each.get("espIdentifier") == account["espIdentifier"]
        ),
        None,
    )
    if known is not None:
        _merge(known, account)
    elif account not in people:
        people.append(account)


def _text(found: _Found) -> str:
    sent = found.submission.sent
    at = "" if sent.uploaded_at is None else f", uploaded {instant(sent.uploaded_at)}"
    return f"Text around {sent.content_id}{at}:\n{sent.text_context}"


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _files(
    connection: Connection,
    confirmed: list[_Found],
    kept: Sequence[EvidenceFacts],
    reporter: ReportsSettings,
    reader: Reader,
) -> tuple[list[DraftFile], list[str]]:
    """Make a file of each confirmed submission whose bytes are kept; of the others, a text with what is known."""
    by_submission = {
        each.submission_id: each for each in kept if each.submission_id is not None and each.object is not None
    }
    files: list[DraftFile] = []
    texts: list[str] = []
    for each in confirmed:
        evidence = by_submission.get(each.submission.id)
        details = _details(each, evidence, reporter, reader)
        if evidence is None:
            reader.notes.append(
                f"No bytes are kept of {each.origin}, so it cannot be sent as a file: what is known of it stands in "
                "the additional information."
            )
            texts.append(_without_bytes(each, details))
            continue
        if evidence.sha256 is not None and each.submission.sent.sha256 not in {None, evidence.sha256}:
            reader.notes.append(f"The kept bytes of {each.origin} are not those that were submitted: find out why.")
        files.append(
            DraftFile(
                details.get("originalFileName") or f"file {len(files) + 1}",
                details,
                view_facts(connection, each.submission.id),
                each.submission.id,
                evidence.id,
            )
        )
    return files, texts


def _details(found: _Found, evidence: EvidenceFacts | None, reporter: ReportsSettings, reader: Reader) -> Content:
    sent, decision = found.submission.sent, found.decision
    details = reader.file(sent.context, f"context of {found.origin}")
    events = [*_events(details), *reader.upload_event(sent.ip_event, f"ip_event of {found.origin}")]
    best, others = best_ip_event(list({str(sorted(each.items())): each for each in events}.values()), sent.uploaded_at)
    if sent.uploaded_at is not None:
        details["uploadedToEspTimestamp"] = instant(sent.uploaded_at)
    details["fileRelevance"] = REPORTED
    annotations = _annotations(() if decision is None else decision.tags, FILE_TAGS)
    if annotations:
        details["fileAnnotations"] = annotations
    if decision is not None and decision.classification is not None and reporter.states_classification:
        details["industryClassification"] = str(decision.classification)
    digests = _digests(sent if evidence is None else evidence)
    if digests:
        details["originalFileHash"] = digests
    if best is not None:
        details["ipCaptureEvent"] = best
    if others:
        details["additionalInfo"] = [f"Other IP events of this file: {'; '.join(map(ip_event_text, others))}."]
    return details


def _events(details: Content) -> list[Content]:
    """Take the IP events out of what was read of a file."""
    found = details.pop("ipCaptureEvent", [])
    return found if isinstance(found, list) else [found]


def _digests(of: Any) -> list[Content]:  # noqa: ANN401  (a submission or what is kept of it)
    kinds = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256", "PDQ": "pdq"}
    found = [(kind, getattr(of, name, None)) for kind, name in kinds.items()]
    return [{"#text": digest.hex(), "@hashType": kind} for kind, digest in found if digest is not None]


def _without_bytes(found: _Found, details: Content) -> str:
    about = [f"{each['@hashType']} {each['#text']}" for each in details.get("originalFileHash", [])]
    if "uploadedToEspTimestamp" in details:
        about.append(f"uploaded {details['uploadedToEspTimestamp']}")
    if "industryClassification" in details:
        about.append(f"classified {details['industryClassification']}")
    if "ipCaptureEvent" in details:
        about.append(f"from {ip_event_text(details['ipCaptureEvent'])}")
    known = "; ".join(about) or "nothing else is known"
    return f"A file of which the reporter keeps no bytes, {found.submission.sent.content_id}: {known}."


def _attachment(evidence: EvidenceFacts) -> DraftFile:
    name = evidence.name or f"attachment {evidence.id}"
    details: Content = {"originalFileName": name, "fileRelevance": SUPPLEMENTAL}
    digests = _digests(evidence)
    return DraftFile(name, details | ({"originalFileHash": digests} if digests else {}), evidence_id=evidence.id)


def _supplement(text: str, kept: Sequence[EvidenceFacts]) -> DraftFile:
    """Make a file of texts; an earlier draft may have put the same one into the evidence."""
    details: Content = {
        "originalFileName": SUPPLEMENT_NAME,
        "fileRelevance": SUPPLEMENTAL,
        "additionalInfo": ["Texts that were written around the reported files."],
    }
    sha256 = hashlib.sha256(text.encode()).digest()
    known = next(
        (each.id for each in kept if each.submission_id is None and each.object is not None and each.sha256 == sha256),
        None,
    )
    return DraftFile(SUPPLEMENT_NAME, details, evidence_id=known, text=None if known else text)
