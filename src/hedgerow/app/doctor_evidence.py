"""What the doctor looks at of evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.app.clock import now
from hedgerow.app.doctor import Check, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.database import Database
    from hedgerow.evidence import NeedsPerson
    from hedgerow.settings import Settings

__all__ = ["look_at_evidence"]


def _well(sentence: str) -> Check:
    """Say that all is well."""
    return Check("evidence", Standing.OK, sentence)


def _caution(sentence: str, advice: str) -> Check:
    """Say that something should be known."""
    return Check("evidence", Standing.CAUTION, sentence, advice)


def _wrong(sentence: str, advice: str) -> Check:
    """Say that something does not work."""
    return Check("evidence", Standing.WRONG, sentence, advice)


def look_at_evidence(settings: Settings, database: Database) -> Iterator[Check]:
    """Examine the vault, what it did not take, what is not sealed, and the keys."""
    from hedgerow import evidence

    with database.read() as connection:
        needs = evidence.needs_person(connection, now=now())
    found = [*_vault(settings), *(_custodians(needs) if needs.in_vault else ())]
    if needs.lost:
        found.append(
            _wrong(
                f"The vault did not take {needs.lost:,} files of cases that are open: there is no evidence of them.",
                "Mend the vault, and ask the platform to preserve those files on its side.",
            )
        )
    if needs.destroying:
        found.append(
            _caution(
                f"{needs.destroying:,} files have lost their keys, and their ciphertext is still to be deleted.",
                "See that serve or worker runs, and that the vault can be written.",
            )
        )
    if needs.in_vault:
        found += _wraps(settings, database)
    yield from found or [_well("The vault takes and gives, and everything filed is sealed.")]


def _vault(settings: Settings) -> Iterator[Check]:
    from hedgerow.errors import EvidenceError
    from hedgerow.evidence import open_vault, probe

    try:
        probe(open_vault(settings))
    except EvidenceError as error:
        yield _wrong(str(error), "Mend that: a case that opens meanwhile has no evidence.")


def _custodians(needs: NeedsPerson) -> Iterator[Check]:
    if needs.custodians and needs.unsealed:
        yield _wrong(
            f"{needs.unsealed:,} files were reported and are not sealed.",
            "See that serve or worker runs; where it does, hedgerow evidence verify names those whose key is lost.",
        )
    elif needs.unsealed:
        yield _wrong(
            f"{needs.unsealed:,} files were reported and are not sealed, since there is no custodian.",
            "Run hedgerow evidence custodian new and hedgerow evidence custodian add.",
        )
    elif not needs.custodians:
        yield _caution(
            "There is no custodian: what is reported could not be sealed.",
            "Run hedgerow evidence custodian new and hedgerow evidence custodian add.",
        )


def _wraps(settings: Settings, database: Database) -> Iterator[Check]:
    from sqlalchemy import select

    from hedgerow.evidence import load_review_keys
    from hedgerow.evidence.tables import evidence

    keys = load_review_keys(settings)
    with database.read() as connection:
        wrapped = connection.execute(select(evidence.c.wrapped).where(evidence.c.wrapped.is_not(None))).scalars()
        old = sum(not keys.is_newest(bytes(each)) for each in wrapped)
    if old:
        yield _caution(
            f"The data keys of {old:,} files are under an older review key, or one that is not here.",
            "Run hedgerow evidence rewrap before the old key is thrown away.",
        )
