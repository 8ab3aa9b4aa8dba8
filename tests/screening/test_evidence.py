"""What screening keeps: the bytes before the transaction, the row in it, and nothing that no row names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from hedgerow import evidence
from hedgerow.actions import list_deliveries
from hedgerow.cases import list_cases
from hedgerow.database.sealing import ServiceKeys
from hedgerow.errors import InvalidSubmission, VaultUnavailable
from hedgerow.evidence import EvidenceState, Missing, ReviewKeys
from hedgerow.evidence.tables import evidence_intents
from hedgerow.evidence.vaults import LocalVault
from hedgerow.policy import activate, add_version, record_dry_run
from hedgerow.policy.model import Comparison
from hedgerow.screening import Context, Screener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import House
    from hedgerow.evidence import Evidence
    from hedgerow.screening import Screened

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")

BYTES = b"the bytes of a picture" * 1_000


class Keeping:
    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.database = house.database
        self.vault = LocalVault(folder / "vault")
        self.keys = ReviewKeys.of_service(ServiceKeys((bytes(range(32)),)))
        self.keeper = evidence.Keeper(house.database, self.vault, self.keys)
        self.screener = Screener(house.database, house.matcher.search, house.has_banks, keeper=self.keeper)
        house.know(house.picture(1))
        self.asked = 0

    def source(self) -> Iterator[bytes]:
        self.asked += 1
        yield BYTES

    def submit(self, number: int = 1, content_id: str = "post-1", *, source: Any = None, **said: Any) -> Screened:
        media = self.house.media(self.house.picture(number))
        return self.screener.screen(
            Context(content_id, "api", **said),
            media,
            fingerprint=media.signals[1].bits,
            size_bytes=len(BYTES),
            source=source or self.source,
            actor="key:1",
            now=self.house.now,
        )

    def pieces(self) -> list[Evidence]:
        with self.database.read() as connection:
            return evidence.list_evidence(connection)

    def objects(self) -> list[str]:
        return [each.name for each in self.vault.stored()]

    def intents(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(evidence_intents.c.object)).scalars())


@pytest.fixture
def keeping(house: House, tmp_path: Path) -> Keeping:
    return Keeping(house, tmp_path)


def test_when_a_case_opens_and_when_a_submission_joins_it_its_bytes_are_kept(keeping: Keeping) -> None:
    for content in ("post-1", "post-2"):
        keeping.submit(1, content, account_id="ada")
    first, second = keeping.pieces()
    assert first.case_id == second.case_id
    for each in (first, second):
        assert b"".join(evidence.open_evidence(each, keeping.vault, keeping.keys)) == BYTES
        assert (each.pdq, each.size_bytes) == (keeping.house.picture(1), len(BYTES))
    assert sorted(keeping.objects()) == sorted(str(each.object) for each in (first, second))
    assert keeping.intents() == []


def test_what_opens_no_case_is_never_asked_for_its_bytes(keeping: Keeping) -> None:
    assert keeping.submit(2).outcome == "no_match"
    assert (keeping.asked, keeping.pieces(), keeping.objects()) == (0, [], [])


def test_the_bytes_are_read_once_and_never_again(keeping: Keeping) -> None:
    keeping.submit()
    assert keeping.asked == 1
    keeping.submit()
    assert keeping.asked == 2  # who screens the same again found it before: `Screener.earlier`
    assert len(keeping.pieces()) == 1
    assert len(keeping.objects()) == 1
    assert keeping.intents() == []


def test_a_submission_of_signals_alone_has_a_row_that_says_so(keeping: Keeping) -> None:
    media = keeping.house.media(keeping.house.picture(1))
    keeping.screener.screen(
        Context("post-1", "api"), media, fingerprint=media.signals[1].bits, actor="key:1", now=keeping.house.now
    )
    [of] = keeping.pieces()
    assert (of.state, of.missing_reason, keeping.asked) == (EvidenceState.MISSING, Missing.SIGNALS_ONLY, 0)


def test_a_vault_that_fails_loses_neither_the_case_nor_the_answer_nor_the_messages(keeping: Keeping) -> None:
    class Away(LocalVault):
        def put(self, name: str, chunks: Any) -> int:  # noqa: ARG002  (as a vault has it)
            raise VaultUnavailable("it does not answer")

    keeping.keeper.vault = Away(Path("nowhere"))
    screened = keeping.submit()
    assert screened.outcome == "hold_for_review"
    [of] = keeping.pieces()
    assert (of.state, of.missing_reason) == (EvidenceState.MISSING, Missing.VAULT_FAILED)
    assert keeping.keeper.trouble() == "vault_unavailable"
    with keeping.database.read() as connection:
        assert len(list_cases(connection)) == 1
        assert list_deliveries(connection, now=keeping.house.now) == []


def test_media_that_cannot_be_read_any_more_is_missing_and_said(keeping: Keeping) -> None:
    def source() -> Iterator[bytes]:
        raise OSError("gone")
        yield b""

    keeping.submit(source=source)
    [of] = keeping.pieces()
    assert of.missing_reason is Missing.VAULT_FAILED
    assert keeping.objects() == []


def test_a_submission_that_is_refused_leaves_what_was_put_to_the_sweep(keeping: Keeping) -> None:
    with pytest.raises(InvalidSubmission):
        keeping.submit(1, "x" * 300)
    assert keeping.pieces() == []
    assert keeping.intents() == keeping.objects()
    assert len(keeping.objects()) == 1


def test_a_policy_that_opens_a_case_only_in_the_transaction_still_has_the_bytes_kept(keeping: Keeping) -> None:
    text = '[default]\nthen = "log"\n'
    with keeping.database.write() as connection:
        keeping.screener._policies.active(connection, keeping.house.now)
        quiet = add_version(connection, f"format = 1\n{text}", actor="cli", now=keeping.house.now)
        record_dry_run(connection, quiet, Comparison(0, 0, (), {}), against=1, actor="cli", now=keeping.house.now)
        activate(connection, quiet, actor="cli", now=keeping.house.now)
    known = keeping.screener._policies.known

    def switched(connection: Any) -> Any:
        """Let another policy come into force right after this one was looked at."""
        found = known(connection)
        with keeping.database.write() as writing:
            record_dry_run(writing, 1, Comparison(0, 0, (), {}), against=quiet, actor="cli", now=keeping.house.now)
            activate(writing, 1, actor="cli", now=keeping.house.now)
        keeping.screener._policies.known = known  # type: ignore[method-assign]  # once is enough
        return found

    keeping.screener._policies.known = switched  # type: ignore[method-assign]  # as said
    assert keeping.submit().outcome == "hold_for_review"
    [of] = keeping.pieces()
    assert of.state is EvidenceState.KEPT
    assert keeping.asked == 1
