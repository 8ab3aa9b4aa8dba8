"""Show media: what may be shown unasked, and what is shown after a look was put on record."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hedgerow import cases
from hedgerow import evidence as room
from hedgerow.app.clock import now
from hedgerow.app.serving.exposure import limits_of
from hedgerow.app.serving.renditions import Renditions, Shown
from hedgerow.cases import Form, NewView
from hedgerow.errors import ClaimLost, EvidenceGone, RevealNeeded
from hedgerow.evidence.deriving import MediaShown, shown_of
from hedgerow.evidence.rules import REVEAL_LASTS, check_readable
from hedgerow.exposure import allow_look, begin_look, end_look, note_shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.evidence import Evidence, Keeper
    from hedgerow.settings import Settings

__all__ = ["MediaShown", "Original", "Revealed", "Showing", "is_signed", "shown_of", "signature_of"]

PLAYED: Final = frozenset({"video/mp4", "video/webm"})
"""What browsers play as it is; of other videos frames are shown."""

_PICTURE_LASTS: Final = timedelta(minutes=2)
_VIDEO_RESTS_S: Final = 10.0
"""For as long as this a video may stand still before it is hidden: one has to find its button."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """A look that is on record.

    Attributes:
        reveal: Its name.
        evidence: Of what.
        kind: ``picture``; ``video`` where it is played; ``frames`` where frames of it are shown.
        seconds: After so many it is to be hidden, or after so many without being played.
        until: Until when it can be fetched.
    """

    reveal: str
    evidence: int
    kind: str
    seconds: float
    until: datetime


@dataclass(frozen=True, slots=True)
class Original:
    """A video as it is.

    Attributes:
        media_type: What it is.
        size_bytes: How large.
        chunks: Its bytes from the beginning, each segment verified before it is given.
    """

    media_type: str
    size_bytes: int
    chunks: Iterator[bytes]


# ── addresses that work for one session alone ────────────────────────────────────────────────────────────────────


def signature_of(session_token: str, evidence: int, reveal: str, until: int) -> str:
    """Sign an address under a session's token, which nobody else has; it ends with the session at the latest."""
    said = f"hedgerow look v1\n{evidence}\n{reveal}\n{until}".encode()
    return hmac.new(session_token.encode("utf-8", "surrogatepass"), said, "sha256").hexdigest()


def is_signed(session_token: str, evidence: int, reveal: str, until: int, signature: str) -> bool:
    """Tell whether an address was made for this session and is still good."""
    right = signature_of(session_token, evidence, reveal, until)
    return hmac.compare_digest(right.encode(), signature.encode("utf-8", "surrogatepass")) and (
        now() <= datetime.fromtimestamp(min(until, 2**35), UTC)
    )


class Showing:
    """Everything by which media is shown; threads share one. Close it in the end.

    Args:
        settings: Limits.
        database: An open database.
        keeper: What opens the vault.
    """

    def __init__(self, settings: Settings, database: Database, keeper: Keeper) -> None:
        self.renditions = Renditions(settings, database, keeper)
        self._settings = settings
        self._database = database
        self._keeper = keeper

    def close(self) -> None:
        """Kill the processes that decode."""
        self.renditions.close()

    def filtered(self, evidence: int, form: str) -> Shown:
        """Return what may be shown unasked; see `Renditions.filtered`."""
        return self.renditions.filtered(evidence, form)

    # ── a look ───────────────────────────────────────────────────────────────────────────────────────────────────

    def reveal(self, number: str, submission: int, *, user_id: int) -> Revealed:
        """Put on record that somebody looks at something, before anything of it is shown.

        Raises:
            CaseNotFound: There is no such case.
            ClaimLost: They do not work on it.
            OptedOut: It is of a category that they do not look at.
            CapReached: It was enough for 24 hours.
            BreakDue: They have a break.
            InvalidView: The submission is not in that case.
            EvidenceGone: There are no bytes.
            EvidenceSealed: It is sealed.
        """
        at = now()
        name = secrets.token_hex(16)
        with self._database.write() as connection:
            case = cases.find_case_by_number(connection, number)
            claim = cases.find_claim(connection, case.id, now=at)
            if claim is None or claim.user_id != user_id:
                raise ClaimLost
            allow_look(connection, user_id, submission, limits_of(self._settings), now=at)
            media = shown_of(connection, [submission]).get(submission)
            if media is None or media.evidence is None:
                raise EvidenceGone(0, "missing")
            check_readable(room.find_evidence(connection, media.evidence))
            kind = _shown_as(media)
            view = NewView(
                case.id,
                submission,
                user_id,
                Form.FULL,
                at,
                # Of an animation one frame is shown, of some videos a few: that is not all of it.
                is_entire=kind == "video" or (kind == "picture" and (media.frames or 1) == 1),
                reveal=name,
            )
            cases.record_view(connection, view, now=at)
            begin_look(connection, name, now=at)
        lasts = REVEAL_LASTS if kind == "video" else _PICTURE_LASTS
        seconds = self._settings.exposure.reblur_s
        if kind == "video":
            seconds = max(seconds, _VIDEO_RESTS_S)
        return Revealed(name, media.evidence, kind, seconds, at + lasts)

    def full(self, evidence: int, reveal: str, *, user_id: int) -> Shown | Original:
        """Return what is looked at, while the look goes on.

        Raises:
            EvidenceNotFound: There is no such evidence.
            RevealNeeded: There is no such look, or it is over.
            EvidenceGone: There are no bytes.
            EvidenceSealed: It is sealed.
            MediaError: It cannot be seen.
        """
        at = now()
        vault, keys = self._keeper.vault, self._keeper.keys
        with self._database.read() as connection:
            of = room.find_evidence(connection, evidence)
            chunks = room.read_original(connection, vault, keys, of, user_id=user_id, reveal=reveal, now=at)
            if len(self._recorded(connection, of, reveal, user_id)) > 1:
                raise RevealNeeded  # it was hidden again
        if of.media_type in PLAYED and of.size_bytes:
            return Original(of.media_type, of.size_bytes, chunks)
        return self.renditions.full(of, chunks)

    def handed_over(self, reveal: str) -> None:
        """Note that what is looked at has left us: from now on it can be seen.

        In the database, since the service may run in several processes, and the end of a look reaches any of them.
        """
        with self._database.write() as connection:
            note_shown(connection, reveal, now=now())

    def hidden(
        self,
        number: str,
        reveal: str,
        *,
        seconds: float | None = None,
        intervals: Sequence[tuple[float, float]] = (),
        user_id: int,
    ) -> float:
        """Put on record for how long something was looked at, and return that.

        It is the time from when its last byte left us, as our clock has it, and never longer than it may be shown or
        than the browser says. A look that showed nothing has lasted for nothing, and one that is over stays as it is.

        Args:
            number: The case.
            reveal: The look.
            seconds: For how long the browser showed it.
            intervals: Of a video: what was played.
            user_id: Who.

        Raises:
            RevealNeeded: It is another's, or of another case.
            InvalidView: What is said cannot have happened.
        """
        at = now()
        with self._database.write() as connection:
            case = cases.find_case_by_number(connection, number)
            own = cases.views_under(connection, reveal, user_id=user_id, since=at - 2 * REVEAL_LASTS)
            if not own or own[0].view.case_id != case.id:
                raise RevealNeeded
            shown = end_look(connection, reveal, now=at)
            if shown is None:
                return 0.0
            begun, elapsed = own[0].view, shown.total_seconds()
            longest_s = self._longest_s(connection, begun.submission_id)
            lasted = min(elapsed, longest_s, elapsed if seconds is None else max(0.0, seconds))
            cases.record_view(connection, replace(begun, seconds=lasted, intervals=tuple(intervals)), now=at)
        return lasted

    def _longest_s(self, connection: Connection, submission: int) -> float:
        """Return for how long a look at something is counted at most."""
        media = shown_of(connection, [submission]).get(submission)
        if media is not None and _shown_as(media) == "video":
            return REVEAL_LASTS.total_seconds()
        return self._settings.exposure.reblur_s

    def _recorded(self, connection: Connection, of: Evidence, reveal: str, user_id: int) -> list[cases.View]:
        if of.submission_id is None:
            return []
        found = cases.list_views(connection, of.submission_id, user_id=user_id)
        return [each for each in found if each.view.reveal == reveal]


def _shown_as(media: MediaShown) -> str:
    if media.kind != "video":
        return "picture"
    return "video" if media.media_type in PLAYED else "frames"
