"""Project Arachnid Shield, for every door: set how it is asked, ask it about a hash of a case, read what it said."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hedgerow.app.exchanges import Fetching
    from hedgerow.exchanges.questions import ClaimedQuestion, Question
    from hedgerow.exchanges.shield import ShieldAnswer
    from hedgerow.exchanges.shield_account import ShieldStanding
    from hedgerow.settings import Settings

__all__ = ["AskedMedia", "ShieldDesk", "open_shield"]

_log = logging.getLogger(__name__)

_TOO_MANY: Final = 429
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class AskedMedia:
    """What was asked about a medium of a case.

    Attributes:
        position: Of the medium on the page of the case, from 1.
        question: What was asked.
    """

    position: int
    question: Question


class ShieldDesk:
    """What can be asked of Shield, and about it; threads share it.

    Args:
        parts: Of the process.
        is_stopping: Asked before each call.
    """

    def __init__(self, parts: Fetching, *, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self.settings = parts.settings
        self._parts = parts
        self._database = parts.database
        self._is_stopping = is_stopping

    # ── how it is asked ──────────────────────────────────────────────────────────────────────────────────────────

    def standing(self) -> ShieldStanding:
        """Say how Shield is asked."""
        from hedgerow.exchanges.shield_account import shield_standing

        with self._database.read() as connection:
            return shield_standing(connection)

    def change(self, *, actor: str, **said: Any) -> ShieldStanding:  # noqa: ANN401  (what `change_shield` takes)
        """Change how it is asked; see `hedgerow.exchanges.shield_account.change_shield`."""
        from hedgerow.exchanges.shield_account import change_shield

        with self._database.write() as connection:
            return change_shield(connection, actor=actor, now=now(), **said)

    def arm(self, *, actor: str) -> ShieldStanding:
        """Allow its production system to be spoken to."""
        from hedgerow.exchanges.shield_account import arm_shield

        with self._database.write() as connection:
            return arm_shield(connection, actor=actor, now=now())

    def disarm(self, *, actor: str) -> ShieldStanding:
        """Let its production system be spoken to no more."""
        from hedgerow.exchanges.shield_account import disarm_shield

        with self._database.write() as connection:
            return disarm_shield(connection, actor=actor, now=now())

    def set_credentials(self, credentials: Mapping[str, object] | None, *, actor: str) -> ShieldStanding:
        """Enter its credentials, or take them away; raises InvalidExchange where they do not fit."""
        from hedgerow.exchanges.shield_account import set_shield_credentials

        with self._database.write() as connection:
            return set_shield_credentials(connection, credentials, keys=self._parts.keys, actor=actor, now=now())

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def ask(self, number: str, cluster_id: int, *, actor: str) -> Question:
        """Ask about a medium of a case: written down first, then asked once, at once; the workers ask again.

        Args:
            number: The case, as people call it.
            cluster_id: The medium.
            actor: Who asks.

        Raises:
            CaseNotFound: There is no such case.
            QuestionRefused: Shield cannot be asked, or not about this.
        """
        from hedgerow.cases import find_case_by_number
        from hedgerow.exchanges.questions import ask, claim_question, find_question

        with self._database.write() as connection:
            case = find_case_by_number(connection, number)
            question = ask(connection, case.id, cluster_id, actor=actor, now=now())
            claimed = claim_question(connection, now=now(), only=question.id)
        if claimed is None:
            return question
        self._put(claimed, longest_s=self.settings.exchanges.ask_s)
        with self._database.read() as connection:
            return find_question(connection, question.id)

    def ask_about(self, number: str, position: int, *, actor: str) -> AskedMedia:
        """Ask about the medium of a case that stands at a place of its page; see `ask`.

        Raises:
            CaseNotFound: There is no such case.
            QuestionRefused: There is no such medium, or Shield cannot be asked about it.
        """
        from hedgerow.errors import QuestionRefused

        media = self._media(number)
        if not 1 <= position <= len(media):
            raise QuestionRefused("no_such_media", f"{number} has {len(media)} media")
        return AskedMedia(position, self.ask(number, media[position - 1], actor=actor))

    def asked_about(self, number: str) -> list[AskedMedia]:
        """List what was asked about a case, the newest first, or raise CaseNotFound."""
        from hedgerow.cases import find_case_by_number
        from hedgerow.exchanges.questions import questions_of

        media = self._media(number)
        with self._database.read() as connection:
            found = questions_of(connection, find_case_by_number(connection, number).id)
        return [AskedMedia(media.index(each.cluster_id) + 1, each) for each in found]

    def _media(self, number: str) -> list[int]:
        from hedgerow.cases import case_clusters, find_case_by_number

        with self._database.read() as connection:
            return [each.id for each in case_clusters(connection, find_case_by_number(connection, number).id)]

    def ask_due(self) -> int:
        """Ask what is owed, as far as its pace lets us, and return how many were asked; a job of the workers."""
        from hedgerow.exchanges.questions import claim_question, drop_over, is_any_over, is_any_question_due

        with self._database.read() as connection:  # nobody who writes is kept waiting for a look
            is_due, is_over = is_any_question_due(connection, now=now()), is_any_over(connection, now=now())
        count = 0
        if is_over:
            with self._database.write() as connection:
                count += drop_over(connection, now=now())
        while is_due and not self._is_stopping():
            with self._database.write() as connection:
                claimed = claim_question(connection, now=now())
            if claimed is None:
                break
            self._put(claimed)
            count += 1
        return count

    def _put(self, claimed: ClaimedQuestion, *, longest_s: float | None = None) -> None:
        """Put a question to the service, once, and write down what came of it."""
        from hedgerow.errors import HedgerowError, PartnerRefused, PartnerUnavailable
        from hedgerow.exchanges.questions import record_answer, record_silence
        from hedgerow.exchanges.shield_account import stop_shield

        answer, error, asked, is_away = None, "no_answer", None, False
        try:
            answer = self._look_up(claimed.bits, longest_s)
        except PartnerUnavailable as failed:
            error = {_TOO_MANY: "busy", _OK: "unreadable"}.get(failed.status or 0, "unavailable")
            asked = None if failed.retry_after_s is None else timedelta(seconds=failed.retry_after_s)
            is_away = True
        except HedgerowError as failed:
            error = failed.reason
            if isinstance(failed, PartnerRefused):
                with self._database.write() as connection:
                    stop_shield(connection, failed.problem, now=now())
        if answer is not None:
            with self._database.write() as connection:
                record_answer(connection, claimed, answer, now=now())
            return
        _log.warning("Project Arachnid Shield did not answer question %d: %s", claimed.question.id, error)
        with self._database.write() as connection:
            record_silence(connection, claimed, error, asked=asked, is_away=is_away, now=now())

    def _look_up(self, bits: bytes, longest_s: float | None) -> ShieldAnswer | None:
        from hedgerow.errors import CredentialsMissing
        from hedgerow.exchanges.http import Limits
        from hedgerow.exchanges.shield import SHIELD_NAME, Shield, shield_http
        from hedgerow.exchanges.shield_account import open_shield_credentials, shield_standing

        with self._database.read() as connection:
            standing = shield_standing(connection)
            credentials = open_shield_credentials(connection, keys=self._parts.keys)
        if credentials is None:
            raise CredentialsMissing(SHIELD_NAME)
        said = self.settings.exchanges
        # One try: the record is the queue, and its waits are longer and kinder.
        limits = Limits(
            timeout_s=min(said.timeout_s, longest_s or said.timeout_s),
            total_s=min(said.answer_s, longest_s or said.answer_s),
            size_bytes=said.answer_bytes,
            tries=1,
        )
        http = shield_http(
            standing.place, limits, is_armed=standing.armed_by is not None, is_stopping=self._is_stopping
        )
        try:
            shield = Shield(http, *credentials, is_null_no_match=standing.is_null_no_match)
            return shield.look_up([bits])[bits]
        finally:
            http.close()


@contextmanager
def open_shield(settings: Settings) -> Iterator[ShieldDesk]:
    """Open what can be asked of Shield, for a command."""
    from hedgerow.app.working import CommandParts, open_parts

    with open_parts(settings, may_migrate=True) as (database, keys):
        yield ShieldDesk(CommandParts(settings, database, keys))
