"""Verify a chain from its published lines alone: no database, no settings, no clock.

How, in the order in which it is done (docs/concepts/audit.md says the same at length):

1. Line 1 is a header. It says with which entry the chain begins and which hash the entry before had.
2. The hash that a line states is the SHA-256 of the line without it. Whoever changes a byte breaks it.
3. Sequences go up by one. A line that was taken out, put in or moved breaks that.
4. Each entry names the hash of the one before. Whoever changes a line and makes its hash anew breaks with the next.
5. Whoever makes all later hashes anew, or cuts the chain off, is found by a checkpoint: a signed statement of an
   entry's number and hash that was given away before.

The first line that breaks 1 to 4 is named, and nothing behind it is believed. Checkpoints are looked at in their order
as the chain reaches them. Memory does not grow with the chain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hedgerow.audit.checkpoints import is_signed_by, key_id_of
from hedgerow.audit.line import hash_of, read_entry, read_header, sequence_of, split_line
from hedgerow.audit.model import NO_HASH, AuditEntry, Checkpoint, Finding, Head, Verification, Wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ROTATED", "Verifier", "verify"]

ROTATED = "audit.key_rotated"
"""The action that brings a new key in; a checkpoint of exactly that entry, signed with the old key, vouches for it."""
_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")


def verify(
    lines: Iterable[bytes],
    *,
    checkpoints: Iterable[Checkpoint] = (),
    public_keys: Iterable[bytes] = (),
    head: Head | None = None,
) -> Verification:
    """Verify a chain, line by line.

    Args:
        lines: Each with its line end, the header first; see `hedgerow.audit.line.lines_of`.
        checkpoints: What the chain is held against; without any, a chain that was cut off or wholly rewritten cannot
            be told from a true one.
        public_keys: The keys (32 bytes) that are trusted to have signed checkpoints.
        head: What else is known to be the latest entry: the database's own note of it.

    Raises:
        SigningSupportMissing: There are checkpoints, and what checks signatures is not installed.
    """
    verifier = Verifier(checkpoints, public_keys)
    rest = iter(lines)
    verifier.begin(next(rest, b""))
    verifier.follow(rest)
    verifier.finish(head)
    return verifier.result()


class Verifier:
    """The state of one verification: the last line that held, and what is still to be held against the chain.

    `verify` goes through all of a chain at once. Whoever must not take so long at a time begins with the header,
    follows some lines, comes back with those after the last that held, and finishes when there are none.

    Args:
        checkpoints: As for `verify`.
        public_keys: As for `verify`.
    """

    def __init__(self, checkpoints: Iterable[Checkpoint], public_keys: Iterable[bytes]) -> None:
        self._waiting = sorted(checkpoints, key=lambda each: (each.sequence, each.at), reverse=True)
        self._keys = {key_id_of(key): key for key in public_keys}
        self._retired: dict[str, int] = {}
        self._findings: list[Finding] = []
        self._held: list[int] = []
        self._first: int | None = None
        self._entries = 0
        self._line = 0  # of the last line that held
        self._last = self._before = Head(0, NO_HASH)
        self._is_chained = True

    def result(self) -> Verification:
        """Sum up, what is wrong before what could not be checked."""
        findings = sorted(self._findings, key=lambda each: each.is_unchecked)
        last = None if self._first is None else self._last
        return Verification(self._first, self._entries, last, tuple(self._held), tuple(findings))

    # ── the chain ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def last(self) -> int:
        """The number of the last entry that holds; of the one before the first, where none was read."""
        return self._last.sequence

    def begin(self, header: bytes) -> None:
        """Take the first line of all."""
        try:
            first, previous = read_header(header)
        except ValueError as error:
            self._break(Wrong.NOT_THE_FORMAT, 1, None, f"{error}")
            return
        self._first, self._line, self._last = first, 1, Head(first - 1, previous)
        self._judge(None)

    def follow(self, lines: Iterator[bytes], most: int | None = None) -> bool:
        """Go through lines up to the first that breaks the chain.

        Args:
            lines: Those after the last that held. Where the chain is broken, they are read further, to say how.
            most: After so many, stop.

        Returns:
            Whether there may be more of them.
        """
        if not self._is_chained:
            return False
        for count, line in enumerate(lines, 1):
            entry = self._entry(line, lines)
            if entry is None:
                return False
            self._line += 1
            self._entries += 1
            self._before, self._last = self._last, Head(entry.sequence, entry.hash)
            self._judge(entry)
            if count == most:
                return True
        return False

    def _entry(self, line: bytes, rest: Iterator[bytes]) -> AuditEntry | None:
        """Return the line's entry if it continues the chain; otherwise say what is wrong with it."""
        last = self._last
        number, expected = self._line + 1, last.sequence + 1
        try:
            hashed, stated = split_line(line)
        except ValueError as error:
            is_cut = not line.endswith(b"\n") and next(rest, None) is None
            self._break(Wrong.TRUNCATED if is_cut else Wrong.CHANGED, number, expected, f"{error}")
            return None
        if hash_of(hashed) != stated:
            self._break(Wrong.CHANGED, number, expected, "the hash that the line states is not the hash of the line")
            return None
        try:
            entry = read_entry(hashed, stated)
        except ValueError as error:
            self._break(Wrong.NOT_THE_FORMAT, number, expected, f"{error}")
            return None
        if entry.sequence != expected:
            if self._entries == 0 and entry.previous_hash == last.hash:
                self._break(Wrong.CHANGED, 1, None, "the header names another first entry than the one that follows it")
            else:
                self._break(*self._misplaced(number, entry.sequence, expected, rest))
            return None
        if entry.previous_hash != last.hash:
            self._break_between(number, entry)
            return None
        return entry

    def _break_between(self, number: int, entry: AuditEntry) -> None:
        """Name the line before: the entry's own hash holds, and says what that line was; unless that one is signed."""
        if self._held and self._held[-1] == entry.sequence - 1:
            sentence = "it does not follow the entry before, which a checkpoint holds: its hash was made anew"
            self._break(Wrong.CHANGED, number, entry.sequence, sentence)
            return
        if self._entries == 0:
            self._break(Wrong.CHANGED, 1, None, "the header names another previous hash than the entry that follows it")
            return
        self._break(
            Wrong.CHANGED,
            number - 1,
            entry.sequence - 1,
            f"entry {entry.sequence} follows another entry than this: it was changed and its hash made anew",
        )
        self._entries -= 1
        self._last = self._before

    def _misplaced(self, number: int, found: int, expected: int, rest: Iterator[bytes]) -> tuple[Wrong, int, int, str]:
        """Tell why another entry stands where one is expected, by looking at what follows."""
        if found < expected:
            return Wrong.INSERTED, number, found, f"entry {found} stands here where entry {expected} should"
        comes_again = comes_later = False
        for line in rest:
            sequence = sequence_of(line)
            comes_again |= sequence == found
            comes_later |= sequence == expected
        if comes_again:
            return Wrong.INSERTED, number, found, f"entry {found} stands here and further down, too"
        if comes_later:
            return Wrong.REORDERED, number, found, f"entry {found} stands here, and entry {expected} after it"
        gone = f"entry {expected} is" if found == expected + 1 else f"entries {expected} to {found - 1} are"
        return Wrong.MISSING, number, expected, f"{gone} missing: entry {found} stands here"

    def _break(self, wrong: Wrong, line: int, sequence: int | None, sentence: str) -> None:
        self._findings.append(Finding(wrong, line, sequence, sentence))
        self._is_chained = False

    # ── checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self, entry: AuditEntry | None) -> None:
        """Hold the checkpoints of this entry against it; at the header, those of the entry before the first."""
        last = self._last
        while self._waiting and self._waiting[-1].sequence <= last.sequence:
            checkpoint = self._waiting.pop()
            if not self._is_trustworthy(checkpoint):
                continue
            if checkpoint.sequence < last.sequence:
                begin = f"this part begins with entry {self._first}"
                self._doubt(checkpoint, Wrong.NOT_COVERED, f"it could not be held against anything: {begin}")
            elif checkpoint.hash != last.hash:
                since = f"entry {self._held[-1]}, the last that a checkpoint holds" if self._held else "the beginning"
                self._doubt(
                    checkpoint,
                    Wrong.CHANGED,
                    "this is not the entry that was signed: it, or one after "
                    f"{since}, was changed and the hashes from there on made anew",
                    self._line,
                )
            else:
                self._held.append(checkpoint.sequence)
                self._introduce(entry, checkpoint)

    def _is_trustworthy(self, checkpoint: Checkpoint) -> bool:
        """Tell whether a trusted key signed this; say so where it did not."""
        key = self._keys.get(checkpoint.key_id)
        if key is None:
            self._doubt(
                checkpoint, Wrong.KEY_UNKNOWN, f"key {checkpoint.key_id} signed it, whose public half is not known"
            )
        elif not is_signed_by(checkpoint, key):
            self._doubt(checkpoint, Wrong.SIGNATURE_WRONG, f"key {checkpoint.key_id} did not sign this")
        elif checkpoint.sequence > self._retired.get(checkpoint.key_id, checkpoint.sequence):
            at = self._retired[checkpoint.key_id]
            self._doubt(checkpoint, Wrong.SIGNATURE_WRONG, f"key {checkpoint.key_id} was retired with entry {at}")
        else:
            return True
        return False

    def _introduce(self, entry: AuditEntry | None, checkpoint: Checkpoint) -> None:
        """Trust the key that an entry brings in, once the key that it replaces has signed that entry."""
        if entry is None or entry.action != ROTATED or entry.details.get("old_key") != checkpoint.key_id:
            return
        stated = entry.details.get("public_key")
        if isinstance(stated, str) and _PUBLIC_KEY.fullmatch(stated):
            key = bytes.fromhex(stated)
            self._keys[key_id_of(key)] = key
            self._retired[checkpoint.key_id] = entry.sequence

    def _doubt(self, checkpoint: Checkpoint, wrong: Wrong, sentence: str, line: int | None = None) -> None:
        about = f"the checkpoint of entry {checkpoint.sequence}: {sentence}"
        self._findings.append(Finding(wrong, line, checkpoint.sequence, about))

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def finish(self, head: Head | None) -> None:
        """Say what the chain does not reach, if it holds as far as it goes."""
        if not self._is_chained:
            return
        last = self._last
        for checkpoint in reversed(self._waiting):
            if self._is_trustworthy(checkpoint):
                self._cut_off(last, f"there was an entry {checkpoint.sequence} when a checkpoint was made of it")
                return
        if head is not None and head.sequence > last.sequence:
            self._cut_off(last, f"the head of the chain is entry {head.sequence}")
        elif head is not None and (head.sequence, head.hash) != (last.sequence, last.hash):
            sentence = "this is the last entry, and not the one that the head of the chain names"
            self._break(Wrong.CHANGED, self._line, last.sequence, sentence)

    def _cut_off(self, last: Head, sentence: str) -> None:
        what = f"entry {last.sequence} is the last" if self._entries else "there is no entry"
        self._break(Wrong.TRUNCATED, self._line, last.sequence or None, f"{what}, but {sentence}")
