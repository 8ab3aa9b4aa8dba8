"""Cases: what was submitted, what it matched, and what people say about it.

A *submission* is media that was sent to be checked; its *matches* gather in a *case* about one subject, in which copies
form a *cluster*. A person *claims* the case and makes *decisions*, which are never edited; every look at media is a
*view*. A pair that was judged to be no match is *suppressed*, so that nobody is asked again.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.cases.claiming import (
        claim_case,
        claim_next,
        extend_claim,
        find_claim,
        put_aside,
        reassign,
        release,
        return_lapsed,
        wake_due,
    )
    from hedgerow.cases.deciding import (
        Statement,
        appeal,
        decide,
        supersede,
        undo,
    )
    from hedgerow.cases.drafts import (
        find_draft,
        save_draft,
    )
    from hedgerow.cases.effecting import (
        due_decisions,
        finish_case,
        take_effect,
    )
    from hedgerow.cases.lifting import (
        lift_suppression,
    )
    from hedgerow.cases.model import (
        Case,
        Claim,
        Classification,
        Cluster,
        ContentSignal,
        Decision,
        Effect,
        FalsePositives,
        Form,
        Gathered,
        Item,
        MediaFacts,
        NewMatch,
        NewSubmission,
        NewView,
        Queue,
        QueueCount,
        RecordedMatch,
        Stage,
        State,
        Submission,
        Suppression,
        Verdict,
        View,
    )
    from hedgerow.cases.opening import (
        case_items_of,
        case_matches,
        count_items,
        open_or_join_case,
        submission_matches,
    )
    from hedgerow.cases.queues import (
        Attention,
        count_queues,
        find_case_by_number,
        list_cases,
        needs_attention,
        past_matches,
        subject_cases,
    )
    from hedgerow.cases.rules import (
        DEFAULT_LEASE,
        DEFAULT_UNDO_WINDOW,
    )
    from hedgerow.cases.seen import (
        was_exif_viewed,
        was_viewed_in_full,
    )
    from hedgerow.cases.steps import (
        case_clusters,
        decisions_of,
        find_case,
        find_decision,
    )
    from hedgerow.cases.submissions import (
        account_submissions,
        answer_submission,
        find_earlier,
        find_submission,
        record_submission,
    )
    from hedgerow.cases.suppressing import (
        false_positives_by_bank,
        false_positives_by_entry,
        find_suppression,
        list_suppressions,
    )
    from hedgerow.cases.viewing import (
        count_exposures,
        list_views,
        record_view,
        seen_by_us,
        views_under,
    )

__all__ = [
    "DEFAULT_LEASE",
    "DEFAULT_UNDO_WINDOW",
    "Attention",
    "Case",
    "Claim",
    "Classification",
    "Cluster",
    "ContentSignal",
    "Decision",
    "Effect",
    "FalsePositives",
    "Form",
    "Gathered",
    "Item",
    "MediaFacts",
    "NewMatch",
    "NewSubmission",
    "NewView",
    "Queue",
    "QueueCount",
    "RecordedMatch",
    "Stage",
    "State",
    "Statement",
    "Submission",
    "Suppression",
    "Verdict",
    "View",
    "account_submissions",
    "answer_submission",
    "appeal",
    "case_clusters",
    "case_items_of",
    "case_matches",
    "claim_case",
    "claim_next",
    "count_exposures",
    "count_items",
    "count_queues",
    "decide",
    "decisions_of",
    "due_decisions",
    "extend_claim",
    "false_positives_by_bank",
    "false_positives_by_entry",
    "find_case",
    "find_case_by_number",
    "find_claim",
    "find_decision",
    "find_draft",
    "find_earlier",
    "find_submission",
    "find_suppression",
    "finish_case",
    "lift_suppression",
    "list_cases",
    "list_suppressions",
    "list_views",
    "needs_attention",
    "open_or_join_case",
    "past_matches",
    "put_aside",
    "reassign",
    "record_submission",
    "record_view",
    "release",
    "return_lapsed",
    "save_draft",
    "seen_by_us",
    "subject_cases",
    "submission_matches",
    "supersede",
    "take_effect",
    "undo",
    "views_under",
    "wake_due",
    "was_exif_viewed",
    "was_viewed_in_full",
]

_HOME = {
    "Attention": "hedgerow.cases.queues",
    "Case": "hedgerow.cases.model",
    "Claim": "hedgerow.cases.model",
    "Classification": "hedgerow.cases.model",
    "Cluster": "hedgerow.cases.model",
    "ContentSignal": "hedgerow.cases.model",
    "DEFAULT_LEASE": "hedgerow.cases.rules",
    "DEFAULT_UNDO_WINDOW": "hedgerow.cases.rules",
    "Decision": "hedgerow.cases.model",
    "Effect": "hedgerow.cases.model",
    "FalsePositives": "hedgerow.cases.model",
    "Form": "hedgerow.cases.model",
    "Gathered": "hedgerow.cases.model",
    "Item": "hedgerow.cases.model",
    "MediaFacts": "hedgerow.cases.model",
    "NewMatch": "hedgerow.cases.model",
    "NewSubmission": "hedgerow.cases.model",
    "NewView": "hedgerow.cases.model",
    "Queue": "hedgerow.cases.model",
    "QueueCount": "hedgerow.cases.model",
    "RecordedMatch": "hedgerow.cases.model",
    "Stage": "hedgerow.cases.model",
    "State": "hedgerow.cases.model",
    "Statement": "hedgerow.cases.deciding",
    "Submission": "hedgerow.cases.model",
    "Suppression": "hedgerow.cases.model",
    "Verdict": "hedgerow.cases.model",
    "View": "hedgerow.cases.model",
    "account_submissions": "hedgerow.cases.submissions",
    "answer_submission": "hedgerow.cases.submissions",
    "appeal": "hedgerow.cases.deciding",
    "case_clusters": "hedgerow.cases.steps",
    "case_items_of": "hedgerow.cases.opening",
    "case_matches": "hedgerow.cases.opening",
    "claim_case": "hedgerow.cases.claiming",
    "claim_next": "hedgerow.cases.claiming",
    "count_exposures": "hedgerow.cases.viewing",
    "count_items": "hedgerow.cases.opening",
    "count_queues": "hedgerow.cases.queues",
    "decide": "hedgerow.cases.deciding",
    "decisions_of": "hedgerow.cases.steps",
    "due_decisions": "hedgerow.cases.effecting",
    "extend_claim": "hedgerow.cases.claiming",
    "false_positives_by_bank": "hedgerow.cases.suppressing",
    "false_positives_by_entry": "hedgerow.cases.suppressing",
    "find_case": "hedgerow.cases.steps",
    "find_case_by_number": "hedgerow.cases.queues",
    "find_claim": "hedgerow.cases.claiming",
    "find_decision": "hedgerow.cases.steps",
    "find_draft": "hedgerow.cases.drafts",
    "find_earlier": "hedgerow.cases.submissions",
    "find_submission": "hedgerow.cases.submissions",
    "find_suppression": "hedgerow.cases.suppressing",
    "finish_case": "hedgerow.cases.effecting",
    "lift_suppression": "hedgerow.cases.lifting",
    "list_cases": "hedgerow.cases.queues",
    "list_suppressions": "hedgerow.cases.suppressing",
    "list_views": "hedgerow.cases.viewing",
    "needs_attention": "hedgerow.cases.queues",
    "open_or_join_case": "hedgerow.cases.opening",
    "past_matches": "hedgerow.cases.queues",
    "put_aside": "hedgerow.cases.claiming",
    "reassign": "hedgerow.cases.claiming",
    "record_submission": "hedgerow.cases.submissions",
    "record_view": "hedgerow.cases.viewing",
    "release": "hedgerow.cases.claiming",
    "return_lapsed": "hedgerow.cases.claiming",
    "save_draft": "hedgerow.cases.drafts",
    "seen_by_us": "hedgerow.cases.viewing",
    "views_under": "hedgerow.cases.viewing",
    "subject_cases": "hedgerow.cases.queues",
    "submission_matches": "hedgerow.cases.opening",
    "supersede": "hedgerow.cases.deciding",
    "take_effect": "hedgerow.cases.effecting",
    "undo": "hedgerow.cases.deciding",
    "wake_due": "hedgerow.cases.claiming",
    "was_exif_viewed": "hedgerow.cases.seen",
    "was_viewed_in_full": "hedgerow.cases.seen",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who needs but the nouns does not wait for SQLAlchemy.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.cases' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
