"""The policy: what a match leads to, written down where a person can review it.

A *policy* is an ordered list of *rules*; the first that fits a match gives its *outcome*: ignore, log, review, hold for
review, or act. No outcome is "report": a machine matches, a person decides. A *version* of the policy never changes;
one is active at a time, and a *dry run* shows beforehand what another would have done with past matches.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.policy.deadlines import DEADLINES, Deadline, deadline_named
    from hedgerow.policy.model import (
        Comparison,
        MatchFacts,
        Outcome,
        PastMatch,
        Policy,
        PolicyVersion,
        Rule,
        SubmissionFacts,
        Then,
        Tier,
        When,
    )
    from hedgerow.policy.reading import default_policy_text, read_policy, unknown_banks
    from hedgerow.policy.records import (
        activate,
        active_policy,
        active_version,
        add_version,
        find_version,
        install_default,
        list_versions,
        record_dry_run,
    )
    from hedgerow.policy.rules import compare, decide, gravest, tier_of

__all__ = [
    "DEADLINES",
    "Comparison",
    "Deadline",
    "MatchFacts",
    "Outcome",
    "PastMatch",
    "Policy",
    "PolicyVersion",
    "Rule",
    "SubmissionFacts",
    "Then",
    "Tier",
    "When",
    "activate",
    "active_policy",
    "active_version",
    "add_version",
    "compare",
    "deadline_named",
    "decide",
    "default_policy_text",
    "find_version",
    "gravest",
    "install_default",
    "list_versions",
    "read_policy",
    "record_dry_run",
    "tier_of",
    "unknown_banks",
]

_HOME = {
    "DEADLINES": "hedgerow.policy.deadlines",
    "Comparison": "hedgerow.policy.model",
    "Deadline": "hedgerow.policy.deadlines",
    "MatchFacts": "hedgerow.policy.model",
    "Outcome": "hedgerow.policy.model",
    "PastMatch": "hedgerow.policy.model",
    "Policy": "hedgerow.policy.model",
    "PolicyVersion": "hedgerow.policy.model",
    "Rule": "hedgerow.policy.model",
    "SubmissionFacts": "hedgerow.policy.model",
    "Then": "hedgerow.policy.model",
    "Tier": "hedgerow.policy.model",
    "When": "hedgerow.policy.model",
    "activate": "hedgerow.policy.records",
    "active_policy": "hedgerow.policy.records",
    "active_version": "hedgerow.policy.records",
    "add_version": "hedgerow.policy.records",
    "compare": "hedgerow.policy.rules",
    "deadline_named": "hedgerow.policy.deadlines",
    "decide": "hedgerow.policy.rules",
    "default_policy_text": "hedgerow.policy.reading",
    "find_version": "hedgerow.policy.records",
    "gravest": "hedgerow.policy.rules",
    "install_default": "hedgerow.policy.records",
    "list_versions": "hedgerow.policy.records",
    "read_policy": "hedgerow.policy.reading",
    "record_dry_run": "hedgerow.policy.records",
    "tier_of": "hedgerow.policy.rules",
    "unknown_banks": "hedgerow.policy.reading",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who only reads or tries a policy does not wait for SQLAlchemy.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.policy' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
