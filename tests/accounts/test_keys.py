from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from hedgerow.accounts import (
    ApiKey,
    NewKey,
    Permission,
    authenticate_key,
    create_key,
    find_key,
    keys,
    latest_account_change,
    list_keys,
    note_key_uses,
    record_refused_key,
    revoke_key,
)
from hedgerow.accounts.tables import api_keys
from hedgerow.accounts.tokens import digest_of, read_key_text
from hedgerow.errors import InvalidKey, KeyNotFound, KeyRefused, UnknownScope

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.database import Database


def _create(database: Database, now: datetime, **named: Any) -> NewKey:
    with database.write() as connection:
        return create_key(
            connection,
            named.pop("name", "shop"),
            scopes=named.pop("scopes", ["screen"]),
            actor="user:3",
            now=now,
            **named,
        )


def _authenticate(database: Database, text: str, at: datetime) -> ApiKey:
    with database.read() as connection:
        return authenticate_key(connection, text, at)


def test_a_key_s_text_proves_it_and_says_what_it_may(
    database: Database, now: datetime, lines: Callable[[], list]
) -> None:
    until = now + timedelta(days=30)
    made = _create(
        database, now, scopes=["screen", "match"], namespace="shop-2", requests_per_minute=600, expires_at=until
    )
    key = _authenticate(database, made.text, now)
    assert key == made.key
    assert key.permissions == key.scopes == {Permission.SCREEN, Permission.MATCH}
    assert (key.namespace, key.requests_per_minute, key.expires_at) == ("shop-2", 600, until)
    assert (key.actor, key.created_by, key.created_at) == (f"key:{key.id}", "user:3", now)
    details = {"scopes": ["match", "screen"], "namespace": "shop-2"}
    assert lines() == [("user:3", "key.created", f"key:{key.id}", details)]


def test_only_the_digest_of_the_secret_is_stored(database: Database, now: datetime, lines: Callable[[], list]) -> None:
    made = _create(database, now)
    text = read_key_text(made.text)
    assert text is not None
    with database.read() as connection:
        row = connection.execute(select(api_keys)).one()
    assert (row.prefix, bytes(row.digest)) == (text.prefix, digest_of(text.secret))
    assert text.secret not in f"{row}{lines()}{made!r}"


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ({"scopes": []}, UnknownScope),
        ({"scopes": ["media.view"]}, UnknownScope),
        ({"name": ""}, InvalidKey),
        ({"name": "  "}, InvalidKey),
        ({"name": "x" * 101}, InvalidKey),
        ({"name": "two\nlines"}, InvalidKey),
        ({"namespace": "Big"}, InvalidKey),
        ({"namespace": "-x"}, InvalidKey),
        ({"namespace": "x" * 65}, InvalidKey),
        ({"requests_per_minute": 0}, InvalidKey),
        ({"requests_per_minute": 2**31}, InvalidKey),
    ],
)
def test_what_does_not_fit_makes_no_key(
    database: Database, now: datetime, lines: Callable[[], list], named: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _create(database, now, **named)
    assert lines() == []


def test_a_key_is_not_made_expired(database: Database, now: datetime) -> None:
    with pytest.raises(InvalidKey):
        _create(database, now, expires_at=now)


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "hgk_", "hgk_aaaaaaaa_bbbb", "Bearer x", "\0", "\ud800", "x" * 5_000])
def test_what_is_no_key_is_refused_as_unknown(database: Database, now: datetime, text: str) -> None:
    _create(database, now)
    with pytest.raises(KeyRefused) as caught:
        _authenticate(database, text, now)
    assert caught.value.key_id is None


def test_a_right_prefix_with_another_secret_is_refused(database: Database, now: datetime) -> None:
    one, other = _create(database, now), _create(database, now)
    mixed = f"hgk_{one.key.prefix}_{other.text.rpartition('_')[2]}"
    with pytest.raises(KeyRefused) as caught:
        _authenticate(database, mixed, now)
    assert caught.value.key_id == one.key.id


def test_a_key_works_until_it_expires(database: Database, now: datetime) -> None:
    until = now + timedelta(days=1)
    made = _create(database, now, expires_at=until)
    assert _authenticate(database, made.text, until - timedelta(microseconds=1)) == made.key
    with pytest.raises(KeyRefused):
        _authenticate(database, made.text, until)


def test_a_revoked_key_is_refused_from_then_on(database: Database, now: datetime, lines: Callable[[], list]) -> None:
    made, other = _create(database, now), _create(database, now)
    with database.write() as connection:
        revoked = revoke_key(connection, made.key.id, actor="cli", now=now)
    assert revoked.revoked_at == now
    assert not revoked.is_usable(now)
    with pytest.raises(KeyRefused) as caught:
        _authenticate(database, made.text, now)
    assert caught.value.key_id == made.key.id
    assert _authenticate(database, other.text, now) == other.key
    assert lines()[-1] == ("cli", "key.revoked", f"key:{made.key.id}", {})


def test_revoking_twice_changes_nothing_and_leaves_one_line(
    database: Database, now: datetime, lines: Callable[[], list]
) -> None:
    made = _create(database, now)
    for later in (now, now + timedelta(hours=1)):
        with database.write() as connection:
            assert revoke_key(connection, made.key.id, actor="cli", now=later).revoked_at == now
    assert [line.action for line in lines()] == ["key.created", "key.revoked"]


def test_a_key_that_does_not_exist_cannot_be_revoked(database: Database, now: datetime) -> None:
    with pytest.raises(KeyNotFound), database.write() as connection:
        revoke_key(connection, 17, actor="cli", now=now)


def test_every_refusal_says_the_same(database: Database, now: datetime) -> None:
    made, expired = _create(database, now), _create(database, now, expires_at=now + timedelta(seconds=1))
    with database.write() as connection:
        revoke_key(connection, made.key.id, actor="cli", now=now)
    said = set()
    for text in (made.text, expired.text, "hgk_aaaaaaaa_b", "nothing"):
        with pytest.raises(KeyRefused) as caught:
            _authenticate(database, text, now + timedelta(minutes=1))
        said.add(str(caught.value))
    assert len(said) == 1


def test_the_secret_is_compared_once_whether_the_prefix_is_known_or_not(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _create(database, now)
    compared: list[tuple[int, int]] = []

    def counting(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("hedgerow.accounts.keys.is_same", counting)
    _authenticate(database, made.text, now)
    for text in ("hgk_aaaaaaaa_bbbb", f"hgk_{made.key.prefix}_bbbb", "nothing"):
        with pytest.raises(KeyRefused):
            _authenticate(database, text, now)
    assert compared == [(32, 32)] * 4


def test_a_known_key_that_is_refused_leaves_a_line_and_an_unknown_text_none(
    database: Database, now: datetime, lines: Callable[[], list]
) -> None:
    with database.write() as connection:
        record_refused_key(connection, KeyRefused(5), now=now)
        record_refused_key(connection, KeyRefused(), now=now)
    assert lines() == [("anonymous", "key.refused", "key:5", {})]


def test_a_scope_that_programs_lose_is_lost_by_their_keys(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _create(database, now, scopes=["screen", "match"])
    monkeypatch.setattr(keys, "SCOPES", frozenset({Permission.MATCH}))
    assert _authenticate(database, made.text, now).scopes == {Permission.MATCH}


# ── lists, uses, caches ──────────────────────────────────────────────────────────────────────────────────────────


def test_keys_are_listed_in_their_order_with_or_without_the_revoked(database: Database, now: datetime) -> None:
    made = [_create(database, now, name=name).key for name in ("b", "a", "b")]
    with database.write() as connection:
        revoked = revoke_key(connection, made[1].id, actor="cli", now=now)
        assert list_keys(connection) == [made[0], revoked, made[2]]
        assert list_keys(connection, include_revoked=False) == [made[0], made[2]]
        assert find_key(connection, made[2].id) == made[2]
        with pytest.raises(KeyNotFound):
            find_key(connection, 99)


def test_the_use_of_keys_is_noted_many_at_a_time_and_only_forwards(database: Database, now: datetime) -> None:
    one, other = _create(database, now).key, _create(database, now).key
    later = now + timedelta(minutes=5)
    with database.write() as connection:
        note_key_uses(connection, {one.id: later, other.id: now})
        note_key_uses(connection, {one.id: now, other.id: later, 99: later})
        assert [key.last_used_at for key in list_keys(connection)] == [later, later]


def test_a_cache_of_keys_learns_of_a_new_and_of_a_revoked_key(database: Database, now: datetime) -> None:
    numbers = []

    def look() -> None:
        with database.read() as connection:
            numbers.append(latest_account_change(connection))

    look()
    made = _create(database, now)
    look()
    _authenticate(database, made.text, now)
    with database.write() as connection:
        note_key_uses(connection, {made.key.id: now})
    look()
    with database.write() as connection:
        revoke_key(connection, made.key.id, actor="cli", now=now)
    look()
    assert numbers == [0, 1, 1, 2]
