"""The branch of exchanges: what partners do, and what cannot be asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hedgerow.errors.accounts import PermissionDenied
from hedgerow.errors.root import HedgerowError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CheckpointStale",
    "CredentialsMissing",
    "ExchangeError",
    "ExchangeExists",
    "ExchangeNotFound",
    "FeedEpochGone",
    "FetchOvertaken",
    "IdempotencyKeyMissing",
    "IdempotencyKeyReused",
    "InvalidExchange",
    "InvalidSharing",
    "ListNotFound",
    "NotArmed",
    "OpinionRefused",
    "PageNotFound",
    "PageNotSkippable",
    "PageUnreadable",
    "PartnerError",
    "PartnerRefused",
    "PartnerUnavailable",
    "PluginBroken",
    "QuestionRefused",
    "SftpMissing",
    "SharingDenied",
    "SharingExists",
]


class ExchangeError(HedgerowError):
    """What partners do, and what cannot be asked of them."""

    reason = "exchange"


class ExchangeNotFound(ExchangeError):
    """There is no such exchange.

    Args:
        name: Its name, as it was asked for.
    """

    reason = "exchange_not_found"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Exchange '{name}' not found")


class ExchangeExists(ExchangeError):
    """There is an exchange or a bank of that name.

    Args:
        name: The name.
    """

    reason = "exchange_exists"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is an exchange or a bank called {name} already.")


class InvalidExchange(ExchangeError):
    """A kind of exchange, or its configuration, that is none; worded as HMA does where HMA says it too.

    Args:
        problem: What does not fit, without a secret.
    """

    reason = "invalid_exchange"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class PartnerError(ExchangeError):
    """Something went wrong between us and a partner."""

    reason = "partner"


class PartnerUnavailable(PartnerError):
    """The partner cannot be reached now, or asks us to wait; it is tried again.

    Args:
        problem: What happened, without an address, a credential or content.
        retry_after_s: For how long the partner asks us to wait; None where it says nothing.
        status: The HTTP status; None where there was no answer.
    """

    reason = "partner_unavailable"

    def __init__(self, problem: str, *, retry_after_s: float | None = None, status: int | None = None) -> None:
        self.problem, self.retry_after_s, self.status = problem, retry_after_s, status
        super().__init__(f"The partner cannot be reached now: {problem}.")


class PartnerRefused(PartnerError):
    """The partner refuses our credentials or our request; nothing is sent any more until a person has looked.

    Args:
        problem: What it refused, without a credential or content.
        status: The HTTP status; 401 where it is our login that is refused, whatever is spoken.
        over: What was spoken, where it was not HTTP.
    """

    reason = "partner_refused"

    def __init__(self, problem: str, status: int, *, over: str | None = None) -> None:
        self.problem, self.status = problem, status
        super().__init__(f"The partner refused it: {problem} ({over or f'HTTP {status}'}).")


class PageUnreadable(PartnerError):
    """The partner answered something that cannot be read.

    Args:
        problem: What is wrong with it, without its content.
        place: Where in the partner's set, in words: "between 2026-01-01 10:00 and 11:00 UTC".
        skip: What would be left out, in words, if it were skipped; None where nothing behind it can be reached.
        skip_to: The checkpoint behind it.
    """

    reason = "page_unreadable"

    def __init__(
        self, problem: str, place: str, *, skip: str | None = None, skip_to: Mapping[str, Any] | None = None
    ) -> None:
        self.problem, self.place, self.skip, self.skip_to = problem, place, skip, skip_to
        super().__init__(f"A page of the partner cannot be read ({place}): {problem}.")


class CheckpointStale(PartnerError):
    """The partner cannot go on from our checkpoint; its whole set is walked through again.

    Args:
        problem: Why.
    """

    reason = "checkpoint_stale"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The partner's set has to be walked through again: {problem}.")


class OpinionRefused(PartnerError):
    """The partner will never take this opinion.

    Args:
        problem: Why, without the signal.
    """

    reason = "opinion_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The partner does not take this opinion: {problem}.")


class PluginBroken(PartnerError):
    """A partner's adapter that an installed package brings cannot be used.

    Args:
        name: What the package calls it.
        problem: What is wrong with it, without anything that it was given.
    """

    reason = "plugin_broken"

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem
        super().__init__(f"The partner plug-in {name} cannot be used: {problem}.")


class CredentialsMissing(ExchangeError):
    """The exchange has no credentials.

    Args:
        name: The exchange.
    """

    reason = "credentials_missing"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Enter the credentials of {name}: `hedgerow exchange credentials {name}`.")


class NotArmed(ExchangeError):
    """The exchange speaks to a partner's production system, and nobody has armed it.

    Args:
        name: The exchange.
        host: Whom it would speak to.
    """

    reason = "not_armed"

    def __init__(self, name: str, host: str) -> None:
        self.name, self.host = name, host
        super().__init__(f"{name} would speak to {host}: `hedgerow exchange arm {name}` allows it.")


class QuestionRefused(ExchangeError):
    """Project Arachnid Shield cannot be asked, or not about this.

    Args:
        why: A word for why: ``off``, ``credentials``, ``arming``, ``stopped``, ``no_such_media``, ``no_hash``,
            ``over``, ``own_notice``.
        problem: The same as the end of a sentence, without a signal.
    """

    reason = "question_refused"

    def __init__(self, why: str, problem: str) -> None:
        self.why, self.problem = why, problem
        super().__init__(f"Project Arachnid Shield is not asked: {problem}.")


class FetchOvertaken(ExchangeError):
    """Somebody else took over the fetch that we were at, or changed its exchange; nothing more is written by us.

    Args:
        name: The exchange.
    """

    reason = "fetch_overtaken"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Somebody else has taken over the fetch of {name}.")


class PageNotFound(ExchangeError):
    """No page of this exchange stands in the way.

    Args:
        name: The exchange.
    """

    reason = "page_not_found"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"No page of {name} stands in the way.")


class PageNotSkippable(ExchangeError):
    """Nothing behind the page can be reached.

    Args:
        name: The exchange.
    """

    reason = "page_not_skippable"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Nothing behind the unreadable page of {name} can be reached; it is tried again.")


class SftpMissing(ExchangeError):
    """This machine has no `sftp`, with which files are fetched over SFTP."""

    reason = "sftp_missing"

    def __init__(self) -> None:
        super().__init__("Lists over SFTP are fetched with OpenSSH's `sftp`, which is not installed here.")


class ListNotFound(ExchangeError):
    """Nothing is shared under this name, or not at the moment."""

    reason = "list_not_found"

    def __init__(self) -> None:
        super().__init__("There is no list of this name.")


class SharingExists(ExchangeError):
    """Something is shared under this name already.

    Args:
        name: The name.
    """

    reason = "sharing_exists"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Something is shared under the name {name} already.")


class InvalidSharing(ExchangeError):
    """What was said about a sharing or its readers does not fit.

    Args:
        problem: What does not.
    """

    reason = "invalid_sharing"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This cannot be shared so: {problem}.")


class SharingDenied(PermissionDenied):
    """This key may not do this with what is shared.

    Args:
        what: What it may not.
    """

    def __init__(self, what: str) -> None:
        super().__init__("sharing.read")
        self.what = what
        self.args = (f"This key may not {what}.",)


class FeedEpochGone(ExchangeError):
    """A reader's cursor is of a history that is gone: a backup was restored, or the list was shared anew."""

    reason = "feed_epoch_gone"

    def __init__(self) -> None:
        super().__init__("This cursor is of an epoch that is gone: begin without one.")


class IdempotencyKeyMissing(ExchangeError):
    """A reader's opinion came without the name that lets it be taken once."""

    reason = "idempotency_key_missing"

    def __init__(self) -> None:
        super().__init__("An Idempotency-Key of 1 to 200 characters is needed.")


class IdempotencyKeyReused(ExchangeError):
    """A reader's opinion came under the name of another one."""

    reason = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key came with another request before.")
