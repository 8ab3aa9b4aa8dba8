"""What a match leads to, and what another policy would change. Nothing here knows a database or a clock.

The rules:

1. A match is **exact** when digests are equal or the signal of the file *as it is* differs in no bit; **near** when
   that signal differs in some bits; **altered** when it is found only through a variant. What the file is: as is, as
   stored without its orientation, a look of its transparency, one of its frames.
2. The rules of a policy are tried in their order, and the first whose conditions all hold decides. Where none does,
   the default decides. There always is one: no match falls through.
3. A condition that names several values holds when one of them fits. A match that says nothing about what a condition
   asks (no category, no surface, no share of a video) does not fit it.
4. A case goes to the queue of the rule; where the rule names none, an exact match goes to ``known``, others to
   ``near``.
5. What leads to an action leads to a case too: a person looks at what a machine did.
6. No outcome is a report, and no rule can be written that leads to one.
7. Of several matches of one submission the gravest outcome counts for the submission, and the smallest number is the
   priority of its case.
8. Two policies differ about a match when it would be treated differently; the name of the rule alone is no difference.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from hedgerow.policy.model import Comparison, Difference, Outcome, Then, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hedgerow.policy.model import MatchFacts, PastMatch, Policy, Rule, SubmissionFacts, When

__all__ = ["DEFAULT_NAME", "QUEUE_OF_TIER", "compare", "decide", "fits", "gravest", "in_words", "tier_of"]

DEFAULT_NAME: Final = "default"
"""The name under which the default stands beside a match; no rule may have it."""

QUEUE_OF_TIER: Final = {Tier.EXACT: "known", Tier.NEAR: "near", Tier.ALTERED: "near"}

_GRAVITY: Final = tuple(Then)

# The parts of a variant's name that say how the file itself was looked at, not what may have been done to it
# (docs/concepts/variants.md, level exact).
_WHAT_THE_FILE_IS = re.compile(
    r"as is|as stored|over black|transparency ignored|frame [0-9]+|frame at [0-9:.]+", re.ASCII
)

_EXAMPLES = 10  # ids that fit one line of a terminal; the counts say the rest


def tier_of(distance: int, variant: str) -> Tier:
    """Tell how surely a match is the known file.

    Args:
        distance: Bits that differ; 0 for digests.
        variant: The name of the view that came nearest.

    >>> tier_of(0, "as is"), tier_of(8, "frame at 0:12.4"), tier_of(0, "frame 3, mirrored")
    (<Tier.EXACT: 'exact'>, <Tier.NEAR: 'near'>, <Tier.ALTERED: 'altered'>)
    """
    if not all(_WHAT_THE_FILE_IS.fullmatch(part) for part in variant.split(", ")):
        return Tier.ALTERED
    return Tier.EXACT if distance == 0 else Tier.NEAR


def decide(policy: Policy, match: MatchFacts, submission: SubmissionFacts) -> Outcome:
    """Return what a match leads to."""
    rule = next((each for each in policy.rules if fits(each.when, match, submission)), policy.default)
    return _outcome(rule, match)


def _outcome(rule: Rule, match: MatchFacts) -> Outcome:
    opens_case = rule.then in {Then.REVIEW, Then.HOLD_FOR_REVIEW, Then.ACTION}
    queue = (rule.queue or QUEUE_OF_TIER[match.tier]) if opens_case else None
    return Outcome(
        rule.name,
        rule.then,
        rule.priority,
        queue,
        rule.events,
        rule.deadline,
        rule.allows_no_look and match.tier is Tier.EXACT,
    )


def fits(when: When, match: MatchFacts, submission: SubmissionFacts) -> bool:
    """Tell whether all conditions hold."""
    return (
        _is_named(when.bank, match.bank)
        and _is_named(when.provenance, match.provenance)
        and _is_named(when.category, match.category)
        and _is_named(when.contributor, match.contributor)
        and (when.disputed is None or match.is_disputed is when.disputed)
        and (not when.signal_type or match.signal_type in when.signal_type)
        and (not when.tier or match.tier in when.tier)
        and _is_named(when.surface, submission.surface)
        and (when.distance_at_most is None or match.distance <= when.distance_at_most)
        and (when.video_share_at_least is None or _share(match) >= when.video_share_at_least)
    )


def _is_named(patterns: tuple[str, ...], value: str | None) -> bool:
    if not patterns:
        return True
    return value is not None and any(
        value.startswith(each[:-1]) if each.endswith("*") else value == each for each in patterns
    )


def _share(match: MatchFacts) -> float:
    """Return the larger of both shares: a compilation holds all of a known clip, a clip comes from a known film."""
    return max((each for each in (match.query_share, match.known_share) if each is not None), default=-1.0)


def gravest(outcomes: Iterable[Outcome]) -> Outcome | None:
    """Return the outcome that counts for a submission: the gravest, then the most urgent; None without any."""
    return max(outcomes, key=lambda each: (_GRAVITY.index(each.then), -(each.priority or 9)), default=None)


def in_words(outcome: Outcome) -> str:
    """Say what happens, without the rule's name.

    >>> in_words(Outcome("partners", Then.REVIEW, 2, "near"))
    'review, priority 2, near'
    """
    parts = [outcome.then.value.replace("_", " ")]
    if outcome.opens_case:
        parts += [f"priority {outcome.priority}", str(outcome.queue)]
    parts += [f"event {each}" for each in outcome.events]
    if outcome.deadline is not None:
        parts.append(f"deadline {outcome.deadline}")
    if outcome.allows_no_look:
        parts.append("no look needed")
    return ", ".join(parts)


def compare(old: Policy, new: Policy, matches: Iterable[PastMatch]) -> Comparison:
    """Decide past matches with two policies and count what differs.

    Args:
        old: The policy that is active.
        new: The one that is tried.
        matches: Gone through once; millions may come.
    """
    considered = 0
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], list[int]] = {}
    by_rule = dict.fromkeys([*(each.name for each in new.rules), new.default.name], 0)
    for past in matches:
        considered += 1
        outcome = decide(new, past.match, past.submission)
        by_rule[outcome.rule] += 1
        pair = (in_words(decide(old, past.match, past.submission)), in_words(outcome))
        if pair[0] != pair[1]:
            counts[pair] += 1
            shown = examples.setdefault(pair, [])
            if len(shown) < _EXAMPLES:
                shown.append(past.id)
    differences = tuple(
        Difference(before, after, count, tuple(examples[before, after]))
        for (before, after), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    return Comparison(considered, sum(counts.values()), differences, by_rule)
