"""A house with a hundred thousand cases for `console.py`: rows as the rooms write them, many at a time.

Three of five cases are closed, with their decisions, messages, reports and evidence; the others wait. The audit chain
holds a line for each step, and is whole. Everything is counted out, nothing is drawn by chance: every run has the same
house. There is no media: nothing here is ever opened.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, insert, select, update

from hedgerow.accounts import Role, create_user
from hedgerow.accounts.passwords import hash_password
from hedgerow.actions import add_endpoint, change_endpoint
from hedgerow.actions.tables import deliveries, delivery_attempts
from hedgerow.audit.line import hash_of, hashed_text, time_text
from hedgerow.audit.records import read_head
from hedgerow.audit.rules import canonical_json
from hedgerow.audit.tables import audit_entries, audit_head
from hedgerow.banks import Attributes, NewEntry, add_entries, create_bank, find_bank
from hedgerow.cases.tables import (
    case_counter,
    case_items,
    cases,
    clusters,
    decisions,
    matches,
    submissions,
    suppressions,
    views,
)
from hedgerow.evidence.tables import evidence
from hedgerow.hashing import Signal
from hedgerow.policy import install_default
from hedgerow.reports.tables import report_files, reports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Table

    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys

__all__ = ["BANK", "NAME", "PASSWORD", "ROLES", "fill", "is_filled"]

NAME: Final = "ada"
PASSWORD: Final = "kettle orbit lantern moss"  # noqa: S105  (of nobody, in a database that is thrown away)
ROLES: Final = (Role.ADMIN, Role.LEAD, Role.REVIEWER, Role.APPROVER, Role.ANALYST, Role.CUSTODIAN)
BANK: Final = "known"

_ROWS: Final = 5_000  # of one statement
_PEOPLE: Final = 9
_DAYS: Final = 90
_CLOSED: Final = 0.6
# One case of so many has many clusters and copies, which is what its page is slowest with; and one of so many three.
_LARGE, _MANY_CLUSTERS, _COPIES = 500, 12, 4
_SMALL: Final = 10
# One match of so many is of the same entry, and one file of so many the same file: what is known of both has a limit.
_HOT: Final = 25
_QUEUES: Final = ("known", "near", "known", "near", "near", "known", "second_opinion", "escalated", "appeals", "qa")
_RESTING: Final = {"second_opinion": "second_opinion", "escalated": "escalated", "appeals": "appealed", "qa": "sampled"}


class _Event(NamedTuple):
    """A line of the chain to be."""

    at: datetime
    actor: str
    action: str
    subject: str
    number: int
    details: dict[str, Any]


class _Rows:
    """Rows by table, in the order in which their tables refer to each other; and what all of them are made from."""

    def __init__(self, number: int, policy: int, people: list[int], at: datetime) -> None:
        self.number, self.policy, self.people, self.at = number, policy, people, at
        self.of: dict[Table, list[dict[str, Any]]] = {
            table: []
            for table in (
                submissions, cases, clusters, case_items, decisions, suppressions, matches, views, deliveries,
                delivery_attempts, evidence, reports, report_files,
            )
        }  # fmt: skip
        self.events: list[_Event] = []

    def add(self, table: Table, **values: object) -> int:
        """Add a row, and return its number."""
        rows = self.of[table]
        rows.append({"id": len(rows) + 1, **values})
        return len(rows)


def is_filled(database: Database) -> bool:
    """Tell whether there are cases already."""
    with database.read() as connection:
        return connection.execute(select(cases.c.id).limit(1)).first() is not None


def fill(database: Database, keys: ServiceKeys, number: int, *, at: datetime, tell: Callable[[str], None]) -> None:
    """Fill an empty database.

    Args:
        database: Migrated, and empty.
        keys: What seals the secret of the endpoint.
        number: Of cases; and of entries of the bank.
        at: The last moment of what has happened.
        tell: Is told how far it is.
    """
    policy, people = _people_and_bank(database, keys, number, at)
    tell("people and bank")
    rows = _Rows(number, policy, people, at)
    for each in range(number):
        _case(rows, each)
    tell("rows are made")
    for table, values in rows.of.items():
        _insert(database, table, values)
        tell(f"{table.name}: {len(values):,}")
    with database.write() as connection:
        connection.execute(update(case_counter).values(year=at.year, sequence=number))
    chain = sorted(rows.events, key=lambda event: event.at)
    rows.of.clear()
    _append(database, chain)
    tell(f"audit: {len(chain):,}")
    if database.engine.dialect.name == "postgresql":
        # Numbers that were stated move no sequence; and the server's own round would count the rows minutes later.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in (submissions, cases, clusters, case_items, decisions, matches, views, deliveries, reports):
                largest = connection.execute(select(func.max(table.c.id))).scalar() or 1
                connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {largest})")
            connection.exec_driver_sql("VACUUM ANALYZE")


def _people_and_bank(database: Database, keys: ServiceKeys, number: int, at: datetime) -> tuple[int, list[int]]:
    said = [Attributes("exchange:ONE" if each % 2 else "import", category=f"A{each % 4}") for each in range(8)]
    with database.write() as connection:
        first = create_user(connection, NAME, roles=ROLES, password_hash=hash_password(PASSWORD), actor="cli", now=at)
        others = [
            create_user(connection, f"reviewer-{each}", roles=[Role.REVIEWER], actor="cli", now=at)
            for each in range(1, _PEOPLE)
        ]
        policy = install_default(connection, now=at)
        create_bank(connection, BANK, now=at)
        endpoint, _ = add_endpoint(connection, "https://platform.example/hook", keys=keys, actor="cli", now=at)
        change_endpoint(connection, endpoint.id, is_active=False, actor="cli", now=at)
    for start in range(0, number, _ROWS):
        new = [
            NewEntry(Signal("pdq", hashlib.sha256(b"%d" % each).digest(), 90), said[each % len(said)])
            for each in range(start, min(number, start + _ROWS))
        ]
        with database.write() as connection:
            add_entries(connection, find_bank(connection, BANK), new, now=at)
    return policy, [first.id, *(each.id for each in others)]


def _case(rows: _Rows, place: int) -> None:
    """Make one case with all that belongs to it; the earliest are closed."""
    number, at = rows.number, rows.at
    opened = at - timedelta(days=_DAYS) * ((number - place) / number)
    is_closed = place < number * _CLOSED
    queue = _QUEUES[place % len(_QUEUES)] if not is_closed else ("known", "near")[place % 2]
    state, extra = _state(rows, place, queue, opened, is_closed=is_closed)
    # So many accounts that those of the waiting cases differ: one case gathers for each.
    account = f"account-{place % max(1, int(number * 0.45))}"
    case = rows.add(
        cases,
        number=f"{at.year}-{place + 1:05}",
        namespace="",
        subject_kind="account",
        subject_id=account,
        queue=queue,
        state=state,
        priority=1 + place % 4,
        due_at=opened + timedelta(days=30 + place % 70),
        opened_at=opened,
        version=1,
        round=1,
        is_contested=queue in {"appeals", "qa"},
        **extra,
    )
    parts, copies = (_MANY_CLUSTERS, _COPIES) if place % _LARGE == 6 else (3 if place % _SMALL == 0 else 1, 1)
    verdict = None
    if state in {"closed", "acting", "decided"}:
        verdict = "not_a_match" if place % 5 < 2 else "confirmed"
    first = None
    for part in range(parts):
        digest = hashlib.sha256(b"file %d" % (place % _HOT and place * _MANY_CLUSTERS + part)).digest()
        cluster = rows.add(
            clusters, case_id=case, sha256=digest, pdq=digest, distance=8, size=copies, verdict=verdict,
            created_at=opened,
        )  # fmt: skip
        first = first or cluster
        for _ in range(copies):
            _submission(rows, case, cluster, digest, place, account, opened)
    rows.events.append(_Event(opened, "key:1", "case.opened", "case", case, {"matches": 1, "queue": queue}))
    if verdict is not None and first is not None:
        _decided(rows, case, first, place, verdict, state, account, opened)


def _state(rows: _Rows, place: int, queue: str, opened: datetime, *, is_closed: bool) -> tuple[str, dict[str, Any]]:
    """Return the state of a case, and what stands beside it."""
    at, people = rows.at, rows.people
    none: dict[str, Any] = dict.fromkeys(("claimed_by", "claim_expires_at", "wake_at", "closed_at", "is_gathering"))
    none |= {"claim_token": 0, "state_changed_at": opened}
    if is_closed:
        # The last of the closed ones were decided a moment ago, or are on their way out of the house.
        left = int(rows.number * _CLOSED) - place
        done = min(at, opened + timedelta(hours=3))
        if left <= 20:
            return "decided", none | {"claim_token": 1, "state_changed_at": at - timedelta(minutes=1)}
        if left <= 40:
            return "acting", none | {"claim_token": 1, "state_changed_at": at - timedelta(minutes=20)}
        return "closed", none | {"claim_token": 1, "state_changed_at": done, "closed_at": done}
    gathers = queue not in {"appeals", "qa"} or None
    if place % 200 == 1:
        user = people[1 + place // 200 % (_PEOPLE - 1)]
        held = {"claimed_by": user, "claim_token": 1, "claim_expires_at": at + timedelta(hours=1)}
        rows.events.append(_Event(at - timedelta(minutes=1), f"user:{user}", "case.claimed", "case", place + 1, {}))
        return "claimed", none | held | {"is_gathering": gathers}
    if place % 200 == 3:
        return "waiting", none | {"wake_at": at + timedelta(days=3), "is_gathering": gathers}
    return _RESTING.get(queue, "open"), none | {"is_gathering": gathers}


def _submission(
    rows: _Rows, case: int, cluster: int, digest: bytes, place: int, account: str, opened: datetime
) -> None:
    count = len(rows.of[submissions]) + 1
    submission = rows.add(
        submissions, namespace="", content_id=f"post-{count}", revision=1, fingerprint=digest, account_id=account,
        received_at=opened, door="api", text_context="What was said beside it.", context="{}", media_type="image/jpeg",
        width=1600, height=1200, size_bytes=400_000, md5=digest[:16], sha1=digest[:20], sha256=digest,
        policy_version=rows.policy, outcome="review", answer="{}",
    )  # fmt: skip
    item = rows.add(case_items, case_id=case, cluster_id=cluster, submission_id=submission, added_at=opened)
    is_hot = place % _HOT == 0
    for nth in range(1 + (place % 4 == 0)):
        rows.add(
            matches, submission_id=submission, matched_at=opened, bank_id=1, bank_name=BANK,
            entry_id=7 + nth if is_hot else 1 + (place * 7 + nth) % max(1, len(rows.of[cases])), provenance="import",
            contributor=None, category=f"A{place % 4}", signal_type="pdq", distance=place * 2 % 32, threshold=31,
            variant="as is", tier="near", policy_version=rows.policy, rule="near", outcome="review", priority=2,
            queue="near", events="[]", allows_no_look=False, case_item_id=item,
        )  # fmt: skip
    rows.add(
        evidence, case_id=case, submission_id=submission, kind="media", name=f"post-{count}", media_type="image/jpeg",
        size_bytes=400_000, md5=digest[:16], sha1=digest[:20], sha256=digest, pdq=digest, object=f"{count:032x}",
        stored_bytes=400_100, cipher_sha256=digest, wrapped=b"\x00" * 60, sealed=None, state="kept", kept_at=opened,
        report_id=None, filed_at=None, sealed_at=None, retain_until=None,
    )  # fmt: skip
    screened = {"outcome": "review", "matches": 1, "door": "api"}
    rows.events.append(_Event(opened, "key:1", "submission.screened", "submission", submission, screened))


def _decided(
    rows: _Rows, case: int, cluster: int, place: int, verdict: str, state: str, account: str, opened: datetime
) -> None:
    at, people = rows.at, rows.people
    is_pending = state == "decided"
    user = people[0] if is_pending else people[1 + place % (_PEOPLE - 1)]
    when = at - timedelta(minutes=1) if is_pending else opened + timedelta(hours=1 + place % 40)
    when = min(when, at - timedelta(minutes=1))
    effect = when + timedelta(hours=1) if is_pending else min(at, when + timedelta(minutes=10))
    decision = rows.add(
        decisions, case_id=case, cluster_id=None, round=1, stage="first", verdict=verdict,
        classification=("A1", "A2", "B1", "B2")[place % 4] if verdict == "confirmed" else None, tags="[]", reason=None,
        note=None, is_no_look=place % 3 == 0, decided_by=user, decided_at=when, takes_effect_at=effect,
        due_at=effect if is_pending else None, effected_at=None if is_pending else effect,
    )  # fmt: skip
    who = f"user:{user}"
    rows.events += [
        _Event(when - timedelta(minutes=5), who, "case.claimed", "case", case, {"token": 1}),
        _Event(when, who, "case.decided", "case", case, {"decision": decision, "verdict": verdict}),
    ]
    if place % 3:
        rows.add(
            views, case_id=case, submission_id=len(rows.of[submissions]), user_id=user, form="full",
            reveal=f"look-{place}", started_at=when - timedelta(minutes=2), recorded_at=when - timedelta(minutes=1),
            seconds=4.0, intervals="[]", is_entire=True, share=1.0, is_complete=True,
        )  # fmt: skip
    if verdict == "not_a_match":
        rows.add(
            suppressions, entry_id=rows.of[matches][-1]["entry_id"], cluster_id=cluster, decision_id=decision,
            created_by=who, created_at=when,
        )  # fmt: skip
    if is_pending:
        return
    rows.events.append(_Event(effect, "system", "case.decision_effected", "case", case, {"decision": decision}))
    is_stuck = place % 1_500 == 7
    delivery = rows.add(
        deliveries, endpoint_id=1, event=f"case.{verdict}", subject_type="case", subject_id=str(case),
        body=json.dumps({"type": "case", "data": {"case": case, "submissions": [f"post-{place}"]}}), created_at=effect,
        due_at=at + timedelta(hours=1) if is_stuck else None, attempts=1, attempts_in_row=1,
        delivered_at=None if is_stuck else effect, last_status=503 if is_stuck else 200,
    )  # fmt: skip
    rows.add(delivery_attempts, delivery_id=delivery, at=effect, status=503 if is_stuck else 200, duration_ms=40)
    rows.events.append(_Event(effect, "system", "webhook.enqueued", "case", case, {"deliveries": [delivery]}))
    if state == "closed" and place % 40 == 2:
        _looked_at_again(rows, case, place, verdict, effect)
    if state == "closed":
        rows.events.append(_Event(min(at, effect), "system", "case.closed", "case", case, {"is_sampled": False}))
    if verdict == "confirmed":
        _reported(rows, case, place, account, effect)


def _looked_at_again(rows: _Rows, case: int, place: int, verdict: str, effect: datetime) -> None:
    """Add a second review of the sample; one of ten says something else."""
    when = min(rows.at, effect + timedelta(hours=5))
    user = rows.people[1 + (place + 1) % (_PEOPLE - 1)]
    other = {"confirmed": "not_a_match", "not_a_match": "confirmed"}[verdict]
    said = other if place % 400 == 2 else verdict
    rows.of[cases][case - 1] |= {"round": 2, "sampled_at": effect}
    decision = rows.add(
        decisions, case_id=case, cluster_id=None, round=2, stage="qa", verdict=said,
        classification="A1" if said == "confirmed" else None, tags="[]", is_no_look=False, decided_by=user,
        decided_at=when, takes_effect_at=when,
    )  # fmt: skip
    details = {"decision": decision, "verdict": said}
    rows.events.append(_Event(when, f"user:{user}", "case.decided", "case", case, details))


def _reported(rows: _Rows, case: int, place: int, account: str, effect: datetime) -> None:
    """Report what was confirmed: nearly all of it is filed, a few reports are drafts, late, or missing."""
    at, people = rows.at, rows.people
    if place % 2_500 == 4:
        return
    state = "draft" if place % 500 == 12 else "needs_person" if place % 2_500 == 24 else "filed"
    is_owed = state != "filed"
    filed_at = None if is_owed else min(at, effect + timedelta(hours=2))
    of = rows.of[evidence][-1]
    approver = None if state == "draft" else f"user:{people[0]}"
    report = rows.add(
        reports, case_id=case, authority="cybertipline", environment="test", namespace="", account_id=account,
        state=state, content='{"incidentSummary":{"incidentType":"Child Pornography (possession, manufacture, and '
        'distribution)"}}', revision=1, authors=f'["user:{people[1]}"]', created_at=effect, updated_at=effect,
        document=None if state == "draft" else b"<report/>", document_sha256=None if state == "draft" else "0" * 64,
        basis_sha256=None, approved_by=approver, approved_at=None if approver is None else effect, is_solo=False,
        deadline_at=effect + timedelta(days=2), alarm_level=0,
        alarm_due_at=effect + timedelta(days=2) if is_owed else None, due_at=None, round=0 if state == "draft" else 1,
        external_id=None if state == "draft" else str(900_000 + place), has_asked_to_finish=not is_owed, failures=0,
        repeats=0, orphans=0, trouble="refused" if state == "needs_person" else None, filed_at=filed_at,
        filed_how=None if is_owed else "finish", preservation="none" if is_owed else "sealed", preservation_failures=0,
    )  # fmt: skip
    rows.add(
        report_files, report_id=report, revision=1, position=1, evidence_id=of["id"], name=None, size_bytes=400_000,
        md5=of["md5"].hex(), sha256=of["sha256"].hex(), details="{}", external_id=None, is_described=False,
        mismatches=0,
    )  # fmt: skip
    rows.events.append(_Event(effect, f"user:{people[1]}", "report.drafted", "report", report, {"case": case}))
    if filed_at is not None:
        of |= {
            "state": "sealed", "wrapped": None, "sealed": b"\x00" * 60, "report_id": report, "filed_at": filed_at,
            "sealed_at": filed_at, "retain_until": filed_at + timedelta(days=365),
        }  # fmt: skip
        rows.events.append(_Event(filed_at, "system", "report.filed", "report", report, {"case": case}))


def _insert(database: Database, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows with every column stated, so that one statement takes them all."""
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        named = {name for each in some for name in each}
        with database.write() as connection:
            connection.execute(insert(table), [dict.fromkeys(named) | each for each in some])


def _append(database: Database, chain: list[_Event]) -> None:
    """Append to the chain as `hedgerow.audit.append` does, but many entries at a time."""
    for start in range(0, len(chain), _ROWS):
        with database.write() as connection:
            head = read_head(connection, is_locking=True)
            rows = list(_lines(chain[start : start + _ROWS], head.sequence, head.hash))
            connection.execute(insert(audit_entries), rows)
            connection.execute(update(audit_head).values(sequence=rows[-1]["sequence"], hash=rows[-1]["hash"]))


def _lines(events: list[_Event], sequence: int, before: bytes) -> Iterator[dict[str, Any]]:
    for each in events:
        sequence += 1
        fields: dict[str, Any] = {
            "actor": each.actor,
            "action": each.action,
            "subject_type": each.subject,
            "subject_id": str(each.number),
            "details": canonical_json(each.details),
        }
        text = hashed_text(**fields, at=time_text(each.at), sequence=sequence, previous=before.hex())
        digest = hash_of(text)
        yield fields | {"at": each.at, "sequence": sequence, "previous_hash": before, "hash": digest}
        before = digest
