"""Everything that stands on the page of a case: as many queries for fifty copies as for one.

Of a cluster its first member stands for all copies. In a second review of a sample nothing is said of what others
decided: whoever looks again should not know.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow import cases
from hedgerow.accounts import Permission
from hedgerow.app.clock import now
from hedgerow.cases.model import Form, MediaFacts, Queue, State
from hedgerow.cases.rules import CLAIMABLE, decision_in_force, is_decided_in, why_not_claimed
from hedgerow.cases.showing import Judged

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.audit.timeline import Link
    from hedgerow.cases import Case, Claim, Cluster, Decision, RecordedMatch, Submission, View
    from hedgerow.cases.showing import Sent, Undoable
    from hedgerow.database import Database
    from hedgerow.evidence.deriving import MediaShown
    from hedgerow.exchanges.questions import Beside
    from hedgerow.reports.beside import CaseReport

__all__ = ["CasePage", "ClusterShown", "Explained", "Text", "case_page", "draft_of"]

MOST_CLUSTERS: Final = 12
"""Clusters of one page: more tiles than anybody should look at without a pause."""
_MOST_LINKS: Final = 40
_MOST_HISTORY: Final = 6
_TEXT_STAYS: Final = timedelta(minutes=15)
"""How long an opened text stays open for whoever opened it: as long as a claim."""


class Explained(NamedTuple):
    """A match, and what is known of the entry that was found.

    Attributes:
        recorded: The match.
        judged: How the entry was judged in other cases.
    """

    recorded: RecordedMatch
    judged: Judged


class Text(NamedTuple):
    """What was said around a submission.

    Attributes:
        submission: Its number.
        characters: Of the text.
        has_more: Whether the platform said more than a text: an address, or words of its own.
        opened: It, where this person has opened it lately; None where it is closed.
    """

    submission: int
    characters: int
    has_more: bool
    opened: Submission | None


@dataclass(frozen=True, slots=True)
class ClusterShown:
    """Copies of one thing, by the first of them.

    Attributes:
        cluster: The cluster.
        submission: Its first member.
        media: What is kept of that.
        matches: What was found for it and gathered in this case, the nearest first.
        suppressed: How many matches of it were judged to be none before, and count no more.
        same_file: How the same file was judged in other cases.
        decision: The decision in force; None where there is none, or where it is not to be known.
        is_decided: Whether it was decided in the present round.
        needs_no_look: Whether the policy lets it be confirmed unseen.
        is_viewed_by_you: Whether this person has seen it in full.
        is_viewed: Whether anybody of the house has.
        text: What was said around it; None where nothing was.
    """

    cluster: Cluster
    submission: Submission
    media: MediaShown
    matches: tuple[Explained, ...]
    suppressed: int
    same_file: Judged
    decision: Decision | None
    is_decided: bool
    needs_no_look: bool
    is_viewed_by_you: bool
    is_viewed: bool
    text: Text | None


@dataclass(frozen=True, slots=True)
class CasePage:
    """What stands on the page of a case.

    Attributes:
        case: The case.
        at: When this was so.
        clusters: Those of this part of the page.
        first: How many clusters come before this part.
        cluster_count: How many it has.
        undecided: How many of these are to be decided in this round.
        items: How many submissions are gathered in it.
        more: After which cluster the next part begins; None after the last.
        decisions: All of them, the latest first; one's own alone in a second review.
        is_blind: Whether it is a second review, in which others' decisions are not shown.
        claim: This person's claim, where it holds.
        taken_by: The name of whoever else works on it.
        is_claimable: Whether this person may take it now.
        why_not: Why this person must leave it to others.
        draft: What this person has written and not decided.
        history: Other cases about the same subject, the latest first.
        sent: What the account has sent; None where the subject is no account.
        reports: The reports about it; None for who may not see reports.
        links: What happened, the latest first.
        unconfirmed: How many messages about it the platform has not confirmed.
        names: Names of the people who come up, by number.
        undoable: What this person decided last and may take back.
        shield: What Project Arachnid Shield was asked about the media of this part, and whether it can be asked.
    """

    case: Case
    at: datetime
    clusters: tuple[ClusterShown, ...]
    first: int
    cluster_count: int
    undecided: int
    items: int
    more: int | None
    decisions: tuple[Decision, ...]
    is_blind: bool
    claim: Claim | None
    taken_by: str | None
    is_claimable: bool
    why_not: str | None
    draft: Mapping[str, Any]
    history: tuple[Case, ...]
    sent: Sent | None
    reports: tuple[CaseReport, ...] | None
    links: tuple[Link, ...]
    unconfirmed: int
    names: Mapping[int, str]
    undoable: Undoable | None
    shield: Beside

    @property
    def needs_no_look(self) -> bool:
        """Whether all that is undecided may be confirmed unseen."""
        left = [each for each in self.clusters if not each.is_decided]
        return bool(left) and not self.first and self.more is None and all(each.needs_no_look for each in left)

    @property
    def is_of_partners(self) -> bool:
        """Whether an entry of an exchange is among what was found, so that a partner may be told of the decision."""
        found = (match.recorded.match.provenance for each in self.clusters for match in each.matches)
        return any(provenance.startswith("exchange:") for provenance in found)

    @property
    def is_whole(self) -> bool:
        """Whether every entry of the audit that is shown here is whole."""
        return all(each.is_whole for each in self.links)


def case_page(
    database: Database,
    number: str,
    *,
    user_id: int,
    permissions: Collection[Permission],
    after: int = 0,
) -> CasePage:
    """Return what stands on the page of a case.

    Args:
        database: An open database.
        number: What people call it.
        user_id: Who looks.
        permissions: What that person may do.
        after: The last cluster of the part before.

    Raises:
        CaseNotFound: There is no such case.
    """
    from hedgerow.accounts.finding import display_names
    from hedgerow.actions import list_deliveries
    from hedgerow.app.telling import ABOUT
    from hedgerow.audit.timeline import timeline
    from hedgerow.cases.showing import last_undoable, sent_by_account
    from hedgerow.exchanges.questions import beside
    from hedgerow.reports.beside import case_reports

    at = now()
    with database.read() as connection:
        case = cases.find_case_by_number(connection, number)
        every = cases.case_clusters(connection, case.id)
        made = cases.decisions_of(connection, case.id)
        part = [each for each in every if each.id > after]
        is_blind = case.queue is Queue.QA and case.state in {State.SAMPLED, State.CLAIMED}
        shown = _clusters(connection, case, part[:MOST_CLUSTERS], made, user_id, at, is_blind=is_blind)
        history = cases.subject_cases(
            connection, case.namespace, case.subject_kind, case.subject_id, limit=_MOST_HISTORY
        )
        is_account = case.subject_kind == "account"
        sent = sent_by_account(connection, case.namespace, case.subject_id) if is_account else None
        may_see_reports = Permission.REPORTS_READ in permissions and not is_blind
        reports = tuple(case_reports(connection, case.id)) if may_see_reports else None
        told_of = list_deliveries(connection, now=at, subject=(ABOUT, str(case.id)), is_unconfirmed=True)
        links = tuple(timeline(connection, "case", case.id, limit=_MOST_LINKS))
        told = tuple(each for each in reversed(made) if not is_blind or each.decided_by == user_id)
        shield = beside(connection, case.id, [each.cluster.id for each in shown])
        people = _people(case, told, links) | {_person(each.asked_by) for each in shield.latest.values()}
        names = display_names(connection, people - {0})
        draft = draft_of(cases.find_draft(connection, case.id, user_id))
        undoable = last_undoable(connection, user_id, now=at)
    claim = _claim_of(case, at)
    is_mine = claim is not None and claim.user_id == user_id
    why_not = why_not_claimed(case, user_id, made)
    return CasePage(
        case=case,
        at=at,
        clusters=shown,
        first=sum(each.id <= after for each in every),
        cluster_count=len(every),
        undecided=sum(not is_decided_in(made, each.id, case.round) for each in every),
        items=sum(each.count for each in every),
        more=part[MOST_CLUSTERS - 1].id if len(part) > MOST_CLUSTERS else None,
        decisions=told,
        is_blind=is_blind,
        claim=claim if is_mine else None,
        taken_by=None if claim is None or is_mine else names.get(claim.user_id, ""),
        is_claimable=claim is None
        and why_not is None
        and Permission.CASES_CLAIM in permissions
        and (case.state in CLAIMABLE or case.state is State.CLAIMED),
        why_not=why_not,
        draft=draft,
        history=tuple(each for each in history if each.id != case.id),
        sent=sent,
        reports=reports,
        links=links,
        unconfirmed=len(told_of),
        names=names,
        undoable=undoable,
        shield=shield,
    )


def _clusters(
    connection: Connection,
    case: Case,
    part: Sequence[Cluster],
    made: Sequence[Decision],
    user_id: int,
    at: datetime,
    *,
    is_blind: bool,
) -> tuple[ClusterShown, ...]:
    from hedgerow.cases.opening import matches_of
    from hedgerow.cases.showing import first_items, judged_entries, judged_files
    from hedgerow.cases.submissions import submissions_of
    from hedgerow.cases.viewing import views_of
    from hedgerow.evidence.deriving import shown_of

    items = first_items(connection, [each.id for each in part])
    numbers = [each.submission_id for each in items.values()]
    sent = submissions_of(connection, numbers)
    found = matches_of(connection, numbers)
    judged = judged_entries(connection, {each.match.entry_id for each in found}, but=case.id)
    digests = {each.sent.sha256 for each in sent.values() if each.sent.sha256 is not None}
    files = judged_files(connection, digests, but=case.id)
    views = views_of(connection, numbers)
    media = shown_of(connection, numbers)
    made_up = []
    for cluster in part:
        item = items[cluster.id]
        submission = sent[item.submission_id]
        own = [each for each in found if each.submission_id == submission.id]
        here = tuple(
            Explained(each, judged.get(each.match.entry_id, Judged())) for each in own if each.case_item_id == item.id
        )
        seen = [each.view for each in views if each.view.submission_id == submission.id]
        facts = MediaFacts(submission.sent.duration_s)
        made_up.append(
            ClusterShown(
                cluster=cluster,
                submission=submission,
                media=media[submission.id],
                matches=here,
                suppressed=sum(each.suppression_id is not None for each in own),
                same_file=files.get(submission.sent.sha256 or b"", Judged()),
                decision=None if is_blind else decision_in_force(made, cluster.id),
                is_decided=is_decided_in(made, cluster.id, case.round),
                needs_no_look=any(each.recorded.match.outcome.allows_no_look for each in here),
                is_viewed_by_you=cases.was_viewed_in_full([each for each in seen if each.user_id == user_id], facts),
                is_viewed=cases.was_viewed_in_full(seen, facts),
                text=_text(submission, case, views, user_id, at),
            )
        )
    return tuple(made_up)


def _text(submission: Submission, case: Case, views: Sequence[View], user_id: int, at: datetime) -> Text | None:
    """Tell what was said around a submission, and give it to who has opened it in this case a moment ago."""
    sent = submission.sent
    has_more = bool(sent.context) or sent.ip_event is not None
    if not sent.text_context and not has_more:
        return None
    is_open = any(
        each.view.form is Form.TEXT
        and (each.view.user_id, each.view.case_id, each.view.submission_id) == (user_id, case.id, submission.id)
        and at - each.view.started_at < _TEXT_STAYS
        for each in views
    )
    return Text(submission.id, len(sent.text_context or ""), has_more, submission if is_open else None)


def _claim_of(case: Case, at: datetime) -> Claim | None:
    if case.claimed_by is None or case.claim_expires_at is None or at >= case.claim_expires_at:
        return None
    return cases.Claim(case.id, case.claim_token, case.claimed_by, case.claim_expires_at)


def _people(case: Case, made: Sequence[Decision], links: Sequence[Link]) -> set[int]:
    """Return the numbers of those who come up on the page."""
    found = {each.decided_by for each in made}
    if case.claimed_by is not None:
        found.add(case.claimed_by)
    for each in links:
        found.add(_person(each.entry.actor))
        for name in ("user", "before"):
            told = each.entry.details.get(name)
            if type(told) is int:
                found.add(told)
    return found


def _person(actor: str) -> int:
    """Return the number of the person whom the audit calls so; 0, which is nobody's, where it is none."""
    kind, _, number = actor.partition(":")
    return int(number) if kind == "user" and number.isdecimal() else 0


def draft_of(body: str | None) -> dict[str, Any]:
    """Return what somebody has written; nothing where it cannot be read any more."""
    if body is None:
        return {}
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return {name: value for name, value in said.items() if isinstance(value, str)} if isinstance(said, dict) else {}
