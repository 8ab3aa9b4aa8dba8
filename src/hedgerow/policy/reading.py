"""Read a policy from TOML, and refuse what a person cannot have meant. Every problem is named, with its line.

Refused are: a key or word that there is not (``then = "report"`` among them), a value of the wrong kind, two rules of
one name, a rule that can never fit, a rule that can never be reached because earlier ones take all it could fit, and a
policy without a default.
"""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import PolicyInvalid
from hedgerow.hashing.signal import SIGNAL_TYPES
from hedgerow.policy.deadlines import DEADLINES
from hedgerow.policy.model import Policy, Rule, Then, Tier, When
from hedgerow.policy.rules import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

__all__ = ["LARGEST_POLICY_BYTES", "MOST_RULES", "QUEUES", "default_policy_text", "read_policy", "unknown_banks"]

# A person has to review it. The shipped one has 2 kB and five rules; these are beyond anything that can be read.
LARGEST_POLICY_BYTES: Final = 64 * 1024
MOST_RULES: Final = 200

QUEUES: Final = ("known", "near", "escalated")
"""The queues that a rule may name; the others are filled by what people do."""

_FORMAT = 1
_LOWEST_PRIORITY = 4
_LARGEST_DISTANCE = 64  # the largest threshold of a bank
_NAME_LENGTH = 100  # as wide as the column in which it stands beside a match
_TOP_KEYS = ("format", "rule", "default")
_RULE_KEYS = ("name", "when", "then", "priority", "queue", "events", "deadline", "no_look", "note")
_WHEN_KEYS = (
    "bank",
    "provenance",
    "category",
    "contributor",
    "disputed",
    "signal_type",
    "tier",
    "surface",
    "distance_at_most",
    "video_share_at_least",
)
_OPENS_CASE = (Then.REVIEW, Then.HOLD_FOR_REVIEW, Then.ACTION)
_EVENT = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+", re.ASCII)
_LINE_OF_TOML = re.compile(r"^(.*?) \(at line ([0-9]+), column [0-9]+\)$", re.DOTALL)
_HEADER = re.compile(r"\s*\[\[\s*rule\s*\]\]\s*(?:#.*)?")


def default_policy_text() -> str:
    """Return the policy that Hedgerow ships."""
    return files("hedgerow.policy").joinpath("default.toml").read_text("utf-8")


def read_policy(text: str) -> Policy:
    """Read a policy.

    Raises:
        PolicyInvalid: It is none; all its problems are named.
    """
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > LARGEST_POLICY_BYTES:
        raise PolicyInvalid((f"it has {size_bytes:,} bytes; the limit is {LARGEST_POLICY_BYTES:,}",))
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE_OF_TOML.fullmatch(str(error))
        problem = f"line {found[2]}: {_lowered(found[1])}" if found else _lowered(str(error))
        raise PolicyInvalid((problem,)) from None
    return _Reading(text, document).policy()


def unknown_banks(policy: Policy, names: Collection[str]) -> list[str]:
    """Warn of banks that rules name and that do not exist: such a rule fits nothing until somebody makes the bank."""
    return [
        f"rule {rule.name!r} names the bank {each!r}, which does not exist"
        for rule in policy.rules
        for each in rule.when.bank
        if not any(name.startswith(each[:-1]) if each.endswith("*") else name == each for name in names)
    ]


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


class _Reading:
    """One text being read; gathers the problems."""

    def __init__(self, text: str, document: dict[str, Any]) -> None:
        self._document = document
        self._lines = text.splitlines()
        self._headers = [number for number, line in enumerate(self._lines) if _HEADER.fullmatch(line)]
        self._problems: list[str] = []

    def policy(self) -> Policy:
        self._check_keys(self._document, _TOP_KEYS, "", None)
        stated = self._document.get("format", _FORMAT)
        if stated != _FORMAT or isinstance(stated, bool):
            self._complain("format", None, f"this is format {_FORMAT} of a policy, not {stated!r}")
        rules = self._rules()
        default = self._default()
        if not self._problems:
            self._check_reach(rules)
        if self._problems or default is None:
            raise PolicyInvalid(tuple(self._problems))
        return Policy(tuple(rules), default)

    # ── problems and their lines ─────────────────────────────────────────────────────────────────────────────────

    def _complain(self, key: str | None, rule: int | None, problem: str) -> None:
        line = self._line(key, rule)
        self._problems.append(problem if line is None else f"line {line}: {problem}")

    def _line(self, key: str | None, rule: int | None) -> int | None:
        """Find the line of a key, or of a rule's header. None where the text cannot be told apart by lines."""
        if rule is None:
            first, end = 0, len(self._lines)
        elif rule < len(self._headers) == len(self._document.get("rule", ())):
            first = self._headers[rule]
            end = self._headers[rule + 1] if rule + 1 < len(self._headers) else len(self._lines)
        else:
            return None
        if key is not None:
            pattern = re.compile(
                rf"\s*(?:[A-Za-z_]+\s*\.\s*|\[|.*[{{,]\s*)?[\"']?{re.escape(key)}[\"']?\s*(?:[=.\]]|$)"
            )
            for number in range(first, end):
                if pattern.match(self._lines[number]):
                    return number + 1
        return None if rule is None else first + 1

    def _check_keys(self, table: dict[str, Any], known: tuple[str, ...], where: str, rule: int | None) -> None:
        for key in table:
            if key not in known:
                self._complain(key, rule, f"unknown key {key!r}{where}; there are {', '.join(known)}")

    # ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _rules(self) -> list[Rule]:
        tables = self._document.get("rule", [])
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            self._complain("rule", None, "rules are written as [[rule]]")
            return []
        if len(tables) > MOST_RULES:
            self._problems.append(f"it has {len(tables)} rules; the limit is {MOST_RULES}")
            return []
        rules = []
        names: set[str] = set()
        for number, table in enumerate(tables):
            name = table.get("name")
            if not isinstance(name, str) or not name.strip() or len(name) > _NAME_LENGTH or not name.isprintable():
                self._complain("name", number, f"a rule has a name of 1 to {_NAME_LENGTH} characters")
                name = f"rule {number + 1}"
            elif name == DEFAULT_NAME or name in names:
                self._complain("name", number, f"the name {name!r} is taken")
            names.add(name)
            rules.append(self._rule(table, name, number))
        return rules

    def _default(self) -> Rule | None:
        table = self._document.get("default")
        if table is None:
            self._problems.append(
                "there is no [default], which says what a match leads to that no rule fits: "
                'then = "review" with a priority is safe'
            )
            return None
        if not isinstance(table, dict):
            self._complain("default", None, "the default is written as [default]")
            return None
        for key in ("name", "when"):
            if key in table:
                self._complain(key, None, f"the default has no {key}: it is for whatever no rule fits")
        return self._rule({key: table[key] for key in table if key not in {"name", "when"}}, DEFAULT_NAME, None)

    def _rule(self, table: dict[str, Any], name: str, number: int | None) -> Rule:
        self._check_keys(table, _RULE_KEYS, f" in {name!r}", number)
        when = self._when(table.get("when", {}), name, number)
        then = self._then(table, name, number)
        priority, queue, deadline = self._case(table, then, name, number)
        events = self._events(table, then, name, number)
        no_look = table.get("no_look", False)
        if not isinstance(no_look, bool):
            self._complain("no_look", number, f"no_look of {name!r} is true or false")
        elif no_look and when.tier != (Tier.EXACT,):
            self._complain(
                "no_look", number, f'no_look of {name!r} needs tier = "exact": what differs has to be looked at'
            )
        note = table.get("note")
        if note is not None and not isinstance(note, str):
            self._complain("note", number, f"the note of {name!r} is a text")
        return Rule(name, when, then or Then.REVIEW, priority, queue, events, deadline, bool(no_look), note)

    def _then(self, table: dict[str, Any], name: str, number: int | None) -> Then | None:
        stated = table.get("then")
        words = ", ".join(each.value for each in Then)
        if stated is None:
            self._complain(None, number, f"{name!r} does not say what then: one of {words}")
        elif isinstance(stated, str) and stated in set(Then):
            return Then(stated)
        elif isinstance(stated, str) and stated.startswith("report"):
            self._complain("then", number, f"{name!r} cannot lead to a report: a person decides that")
        else:
            self._complain("then", number, f"{name!r} leads to one of {words}")
        return None

    def _case(
        self, table: dict[str, Any], then: Then | None, name: str, number: int | None
    ) -> tuple[int | None, str | None, str | None]:
        """Read what belongs to the case that is opened."""
        priority, queue, deadline = (table.get(key) for key in ("priority", "queue", "deadline"))
        if then is not None and then not in _OPENS_CASE:
            for key in ("priority", "queue", "deadline", "no_look"):
                if key in table:
                    self._complain(key, number, f"{name!r} opens no case, so it has no {key}")
            return None, None, None
        if type(priority) is not int or not 1 <= priority <= _LOWEST_PRIORITY:
            self._complain("priority", number, f"{name!r} needs a priority from 1, the first, to {_LOWEST_PRIORITY}")
            priority = None
        if queue is not None and queue not in QUEUES:
            self._complain("queue", number, f"the queue of {name!r} is one of {', '.join(QUEUES)}")
            queue = None
        if deadline is not None and (not isinstance(deadline, str) or deadline not in DEADLINES):
            self._complain("deadline", number, f"the deadline of {name!r} is one of {', '.join(DEADLINES)}")
            deadline = None
        return priority, queue, deadline

    def _events(self, table: dict[str, Any], then: Then | None, name: str, number: int | None) -> tuple[str, ...]:
        stated = table.get("events", [])
        if not isinstance(stated, list) or not all(isinstance(each, str) for each in stated):
            self._complain("events", number, f"the events of {name!r} are a list of names")
            return ()
        for each in stated:
            if each.startswith("report"):
                self._complain("events", number, f"{name!r} cannot lead to a report: a person decides that")
            elif not _EVENT.fullmatch(each):
                self._complain("events", number, f"an event of {name!r} is no name such as content.remove")
        if then is Then.ACTION and not stated:
            self._complain(None, number, f"{name!r} acts, so it needs the names of events")
        if then not in {Then.ACTION, None} and stated:
            self._complain("events", number, f"{name!r} sends no events: only what leads to action does")
        return tuple(stated)

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────

    def _when(self, table: object, name: str, number: int | None) -> When:
        if not isinstance(table, dict):
            self._complain("when", number, f"the conditions of {name!r} are a table: when = {{ … }}")
            return When()
        self._check_keys(table, _WHEN_KEYS, f" in the conditions of {name!r}", number)

        def texts(key: str, *, of: Collection[str] | None = None) -> tuple[str, ...]:
            stated = table.get(key, [])
            values = [stated] if isinstance(stated, str) else stated
            if (
                not isinstance(values, list)
                or not all(isinstance(each, str) and each for each in values)
                or (key in table and not values)
            ):
                self._complain(key, number, f"{key} of {name!r} is a text or a list of texts")
                return ()
            for each in values:
                if of is not None and each not in of:
                    self._complain(key, number, f"{key} of {name!r} is one of {', '.join(of)}")
                    return ()
                if "*" in each[:-1]:
                    self._complain(key, number, f"{key} of {name!r} can have a * only at its end")
            return tuple(values)

        def number_from(key: str, is_right: Callable[[Any], bool], what: str) -> Any:  # noqa: ANN401  (int or float)
            stated = table.get(key)
            if stated is None or (type(stated) in {int, float} and is_right(stated)):
                return stated
            self._complain(key, number, f"{key} of {name!r} is {what}")
            return None

        def yes_or_no(key: str) -> bool | None:
            stated = table.get(key)
            if stated is None or isinstance(stated, bool):
                return stated
            self._complain(key, number, f"{key} of {name!r} is true or false")
            return None

        when = When(
            bank=texts("bank"),
            provenance=texts("provenance"),
            category=texts("category"),
            signal_type=texts("signal_type", of=SIGNAL_TYPES),
            tier=tuple(Tier(each) for each in texts("tier", of=[each.value for each in Tier])),
            surface=texts("surface"),
            distance_at_most=number_from(
                "distance_at_most",
                lambda value: type(value) is int and 0 <= value <= _LARGEST_DISTANCE,
                f"a whole number of bits from 0 to {_LARGEST_DISTANCE}",
            ),
            video_share_at_least=number_from(
                "video_share_at_least", lambda value: 0 < value <= 1, "a share above 0, at most 1"
            ),
            contributor=texts("contributor"),
            disputed=yes_or_no("disputed"),
        )
        if not any(True for _ in _cells(when)):
            self._complain("when", number, f"{name!r} can never fit: its conditions exclude each other")
        return when

    def _check_reach(self, rules: list[Rule]) -> None:
        """Find rules of which nothing is left by the time they are tried."""
        for number, rule in enumerate(rules):
            before = rules[:number]
            takers = [next((each for each in before if _takes(each.when, cell)), None) for cell in _cells(rule.when)]
            if all(each is not None for each in takers):
                names = ", ".join(dict.fromkeys(repr(each.name) for each in takers if each is not None))
                self._complain(
                    None, number, f"{rule.name!r} is never reached: {names} before it takes all it could fit"
                )


# ── what a rule covers ───────────────────────────────────────────────────────────────────────────────────────────


def _cells(when: When) -> Iterator[When]:
    """Split conditions into the tiers and signal types that can happen, so that rules can be compared cell by cell."""
    for tier, name in product(when.tier or tuple(Tier), when.signal_type or tuple(SIGNAL_TYPES)):
        is_digest = not SIGNAL_TYPES[name].is_perceptual
        is_impossible = (
            (is_digest and tier is Tier.NEAR)  # a digest is equal or nothing
            or (tier is Tier.NEAR and when.distance_at_most == 0)
            or (when.video_share_at_least is not None and name != "vpdq")  # only videos have shares
        )
        if not is_impossible:
            at_most = 0 if is_digest or tier is Tier.EXACT else when.distance_at_most
            yield When(
                when.bank,
                when.provenance,
                when.category,
                (name,),
                (tier,),
                when.surface,
                at_most,
                when.video_share_at_least,
                when.contributor,
                when.disputed,
            )


def _takes(earlier: When, cell: When) -> bool:
    """Tell whether everything that fits the cell fits the earlier conditions."""
    return (
        _covers(earlier.bank, cell.bank)
        and _covers(earlier.provenance, cell.provenance)
        and _covers(earlier.category, cell.category)
        and _covers(earlier.contributor, cell.contributor)
        and earlier.disputed in {None, cell.disputed}
        and _covers(earlier.surface, cell.surface)
        and (not earlier.signal_type or cell.signal_type[0] in earlier.signal_type)
        and (not earlier.tier or cell.tier[0] in earlier.tier)
        and (
            earlier.distance_at_most is None
            or (cell.distance_at_most is not None and cell.distance_at_most <= earlier.distance_at_most)
        )
        and (
            earlier.video_share_at_least is None
            or (cell.video_share_at_least is not None and cell.video_share_at_least >= earlier.video_share_at_least)
        )
    )


def _covers(wide: tuple[str, ...], narrow: tuple[str, ...]) -> bool:
    if not wide:
        return True
    return bool(narrow) and all(any(_is_wider(each, other) for each in wide) for other in narrow)


def _is_wider(pattern: str, other: str) -> bool:
    if pattern.endswith("*"):
        return other.removesuffix("*").startswith(pattern[:-1])
    return pattern == other
