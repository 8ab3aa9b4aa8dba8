"""The branch of evidence: what is kept, how it is locked away, and who may open it."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "ClockBehind",
    "CustodianNotFound",
    "EvidenceDamaged",
    "EvidenceError",
    "EvidenceGone",
    "EvidenceHeld",
    "EvidenceInUse",
    "EvidenceNotFound",
    "EvidenceRequestNotFound",
    "EvidenceRequestRefused",
    "EvidenceSealed",
    "EvidenceSupportMissing",
    "HoldNotFound",
    "InvalidCustodian",
    "InvalidEvidence",
    "InvalidHold",
    "InvalidObject",
    "NoCustodian",
    "ObjectExists",
    "ObjectMissing",
    "RevealNeeded",
    "ReviewKeyUnusable",
    "SealUnopened",
    "SecondPersonNeeded",
    "VaultUnavailable",
    "WrapBroken",
]


class EvidenceError(HedgerowError):
    """Something about evidence."""

    reason = "evidence"


# ── the vault ────────────────────────────────────────────────────────────────────────────────────────────────────


class VaultUnavailable(EvidenceError):
    """The place where evidence is kept cannot be read or written.

    Args:
        problem: What it said, without addresses or credentials.
    """

    reason = "vault_unavailable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The vault cannot be used: {problem}.")


class ObjectMissing(EvidenceError):
    """The vault holds no object of that name.

    Args:
        object_name: The object's name, 32 hexadecimal digits.
    """

    reason = "object_missing"

    def __init__(self, object_name: str) -> None:
        self.object_name = object_name
        super().__init__(f"The vault holds no object {object_name}.")


class ObjectExists(EvidenceError):
    """An object of that name is in the vault, and objects are written once.

    Args:
        object_name: The object's name, 32 hexadecimal digits.
    """

    reason = "object_exists"

    def __init__(self, object_name: str) -> None:
        self.object_name = object_name
        super().__init__(f"The vault holds an object {object_name} already, and nothing is written over it.")


class InvalidObject(EvidenceError):
    """A name that no object can have, or an object without bytes.

    Args:
        problem: Which of them, as a sentence without its full stop.
    """

    reason = "invalid_object"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The vault does not take this: {problem}.")


class EvidenceDamaged(EvidenceError):
    """An object is not what was put there: altered, cut short, made longer, or taken for another one.

    Args:
        object_name: The object's name, 32 hexadecimal digits.
        problem: Where, as far as it can be told.
    """

    reason = "evidence_damaged"

    def __init__(self, object_name: str, problem: str) -> None:
        self.object_name = object_name
        self.problem = problem
        super().__init__(f"The object {object_name} is not what was put into the vault: {problem}.")


# ── the keys ─────────────────────────────────────────────────────────────────────────────────────────────────────


class ReviewKeyUnusable(EvidenceError):
    """The keys of evidence under review cannot be read, or are none.

    Args:
        problem: What is wrong with them, without repeating them.
    """

    reason = "review_key_unusable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The review key cannot be used: {problem}.")


class WrapBroken(EvidenceError):
    """A wrapped data key does not open: none of our review keys wrapped it, or it was altered or belongs elsewhere.

    Args:
        object_name: The object whose data key it should be; None where the wrap itself does not say.
    """

    reason = "wrap_broken"

    def __init__(self, object_name: str | None) -> None:
        self.object_name = object_name
        whose = f"of the object {object_name}" if object_name else "of an object"
        super().__init__(f"The data key {whose} does not open: bring back the review key that wrapped it.")


class SealUnopened(EvidenceError):
    """A sealed data key does not open with this custodian's identity, or it belongs to another object.

    Args:
        object_name: The object.
    """

    reason = "seal_unopened"

    def __init__(self, object_name: str) -> None:
        self.object_name = object_name
        super().__init__(
            f"The object {object_name} does not open with this identity: it was sealed to another custodian, or what "
            "seals it was altered."
        )


class InvalidCustodian(EvidenceError):
    """Text that is no recipient or no identity of a custodian.

    Args:
        problem: What is wrong with it, without repeating it.
    """

    reason = "invalid_custodian"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This is no key of a custodian: {problem}.")


class EvidenceSupportMissing(EvidenceError):
    """What keeps evidence is not installed.

    Args:
        package: The package that is missing.
    """

    reason = "evidence_support_missing"

    def __init__(self, package: str) -> None:
        self.package = package
        extra = "s3" if package == "obstore" else "server"
        super().__init__(f"This needs {package}, which is not installed: run `pip install 'hedgerow[{extra}]'`.")


# ── custody ──────────────────────────────────────────────────────────────────────────────────────────────────────


class EvidenceNotFound(EvidenceError):
    """There is no evidence of that number."""

    reason = "evidence_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such evidence.")


class InvalidEvidence(EvidenceError):
    """What was said about a piece of evidence does not fit.

    Args:
        problem: What is wrong with it, without repeating it.
    """

    reason = "invalid_evidence"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This cannot be kept as evidence: {problem}.")


class EvidenceGone(EvidenceError):
    """There are no bytes: they never came, or were destroyed.

    Args:
        number: The evidence.
        state: Where it stands: missing, destroying, destroyed.
    """

    reason = "evidence_gone"

    def __init__(self, number: int, state: str) -> None:
        self.number = number
        self.state = state
        super().__init__(f"There are no bytes of evidence {number}: it is {state}.")


class EvidenceSealed(EvidenceError):
    """It is sealed to the custodians: review keys do not open it.

    Args:
        number: The evidence.
    """

    reason = "evidence_sealed"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"Evidence {number} is sealed: two people open it, with a custodian's identity.")


class EvidenceHeld(EvidenceError):
    """A hold keeps it from being deleted.

    Args:
        number: The evidence.
        hold: What kind of hold: filing, extension, legal, law_enforcement.
    """

    reason = "evidence_held"

    def __init__(self, number: int, hold: str) -> None:
        self.number = number
        self.hold = hold
        said = hold.replace("_", " ")
        super().__init__(f"Evidence {number} must be preserved (hold: {said}), and nothing was deleted.")


class EvidenceInUse(EvidenceError):
    """It is still needed, and is not deleted.

    Args:
        number: The evidence.
        problem: What for, as the end of a sentence.
    """

    reason = "evidence_in_use"

    def __init__(self, number: int, problem: str) -> None:
        self.number = number
        self.problem = problem
        super().__init__(f"Evidence {number} is not deleted: {problem}.")


class HoldNotFound(EvidenceError):
    """There is no hold of that number, or it was lifted."""

    reason = "hold_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such hold, or it was lifted already.")


class InvalidHold(EvidenceError):
    """A hold that cannot be placed, or lifted.

    Args:
        problem: Why not, as the end of a sentence.
    """

    reason = "invalid_hold"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This hold is refused: {problem}.")


class EvidenceRequestNotFound(EvidenceError):
    """There is no request of that number."""

    reason = "evidence_request_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such request about evidence.")


class EvidenceRequestRefused(EvidenceError):
    """A request about evidence that cannot be made, agreed to or used.

    Args:
        problem: Why not, as the end of a sentence.
    """

    reason = "evidence_request_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This is refused: {problem}.")


class SecondPersonNeeded(EvidenceError):
    """The one who asks cannot be the one who agrees."""

    reason = "second_person_needed"

    def __init__(self) -> None:
        super().__init__("Who asked for this cannot agree to it: a second person is needed.")


class RevealNeeded(EvidenceError):
    """An original is shown only where a deliberate look was recorded just before."""

    reason = "reveal_needed"

    def __init__(self) -> None:
        super().__init__("Nothing is shown: no look of this person at this was recorded just before.")


class NoCustodian(EvidenceError):
    """There is nobody to whom evidence could be sealed."""

    reason = "no_custodian"

    def __init__(self) -> None:
        super().__init__("There is no custodian yet: `hedgerow evidence custodian new`, then `custodian add`.")


class CustodianNotFound(EvidenceError):
    """There is no custodian of that number, or it was retired."""

    reason = "custodian_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such custodian, or it was retired already.")


class ClockBehind(EvidenceError):
    """The clock is behind the latest entry of the audit, so nothing expires.

    Args:
        behind_s: By how many seconds.
    """

    reason = "clock_behind"

    def __init__(self, behind_s: float) -> None:
        self.behind_s = behind_s
        super().__init__(
            f"The clock is {behind_s:,.0f} seconds behind the latest entry of the audit: nothing expires until it is "
            "set right."
        )
