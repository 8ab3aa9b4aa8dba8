from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.accounts.model import LoginPolicy, Permission, Role, SessionPolicy
from hedgerow.accounts.rules import (
    ROLE_PERMISSIONS,
    SCOPES,
    check_display_name,
    check_identity,
    check_last_admin,
    check_password,
    check_permission,
    check_role_change,
    check_roles,
    check_scopes,
    check_user_name,
    is_session_over,
    locked_until,
    normalise_password,
    permissions_of,
)
from hedgerow.errors import (
    InvalidDisplayName,
    InvalidIdentity,
    InvalidUserName,
    LastAdmin,
    PasswordRefused,
    PermissionDenied,
    RoleRefused,
    UnknownScope,
)

_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
_POLICY = LoginPolicy(attempts=5, lock_s=30, longest_lock_s=900)


# ── roles × permissions ──────────────────────────────────────────────────────────────────────────────────────────


def test_every_role_has_its_row_and_no_other_word_has_one() -> None:
    assert set(ROLE_PERMISSIONS) == set(Role)


def test_every_permission_is_somebody_s() -> None:
    assert {each for row in ROLE_PERMISSIONS.values() for each in row} == set(Permission)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", list(Permission))
def test_a_role_may_what_its_row_says_and_nothing_else(role: Role, permission: Permission) -> None:
    held = permissions_of([role])
    if permission in ROLE_PERMISSIONS[role]:
        check_permission(held, permission)
    else:
        with pytest.raises(PermissionDenied) as caught:
            check_permission(held, permission)
        assert caught.value.permission == str(permission)


@pytest.mark.parametrize("permission", list(Permission))
def test_who_has_no_role_may_nothing(permission: Permission) -> None:
    with pytest.raises(PermissionDenied):
        check_permission(permissions_of([]), permission)


@given(st.sets(st.sampled_from(list(Role))))
def test_several_roles_may_what_any_of_them_may(roles: set[Role]) -> None:
    assert permissions_of(roles) == {each for role in roles for each in ROLE_PERMISSIONS[role]}


_SEES = {Permission.MEDIA_TILE, Permission.MEDIA_VIEW, Permission.TEXT_VIEW}


def test_an_admin_sees_no_media_decides_nothing_and_opens_no_evidence() -> None:
    held = permissions_of([Role.ADMIN])
    assert not held & (_SEES | {Permission.CASES_READ, Permission.CASES_DECIDE, Permission.CASES_CLAIM})
    assert not {each for each in held if each.startswith(("evidence.", "notices."))}
    assert not held & {Permission.REPORTS_READ, Permission.REPORTS_DRAFT, Permission.REPORTS_APPROVE}
    assert not held & {Permission.BANKS_EXPORT, Permission.EXCHANGES_SHARE, Permission.POLICY_ACTIVATE}


def test_the_custodian_alone_asks_for_evidence_to_be_opened_held_or_destroyed() -> None:
    for permission in (Permission.EVIDENCE_OPEN, Permission.EVIDENCE_HOLD, Permission.EVIDENCE_DESTROY):
        assert [role for role in Role if permission in ROLE_PERMISSIONS[role]] == [Role.CUSTODIAN]
    assert not permissions_of([Role.CUSTODIAN]) & (_SEES | {Permission.CASES_DECIDE, Permission.REPORTS_APPROVE})


def test_a_second_person_can_agree_who_is_no_custodian() -> None:
    assert [role for role in Role if Permission.EVIDENCE_AGREE in ROLE_PERMISSIONS[role]] == [
        Role.APPROVER,
        Role.CUSTODIAN,
    ]


def test_no_role_both_composes_and_approves_reports() -> None:
    for role, held in ROLE_PERMISSIONS.items():
        assert not {Permission.REPORTS_DRAFT, Permission.REPORTS_APPROVE} <= held, role


def test_only_the_admin_looks_after_accounts_and_connections() -> None:
    for permission in (
        Permission.USERS_MANAGE,
        Permission.KEYS_MANAGE,
        Permission.SETTINGS_WRITE,
        Permission.WEBHOOKS_MANAGE,
        Permission.REPORTS_CREDENTIALS,
        Permission.VAULT_MANAGE,
    ):
        assert [role for role in Role if permission in ROLE_PERMISSIONS[role]] == [Role.ADMIN]


def test_an_analyst_sees_no_case() -> None:
    held = permissions_of([Role.ANALYST])
    assert not held & (_SEES | {Permission.CASES_READ, Permission.AUDIT_READ, Permission.NOTICES_READ})


def test_a_reviewer_cannot_raise_the_limits_of_exposure() -> None:
    assert Permission.EXPOSURE_LIMITS not in permissions_of([Role.REVIEWER])


def test_no_program_sees_media_decides_or_looks_after_accounts() -> None:
    assert not SCOPES & (_SEES | {Permission.CASES_DECIDE, Permission.USERS_MANAGE, Permission.KEYS_MANAGE})
    assert not {each for each in SCOPES if each.startswith(("evidence.", "reports.", "audit.", "policy."))}


def test_the_words_of_permissions_are_words_of_a_url_and_each_has_its_sentence() -> None:
    for each in (*Permission, *Role):
        assert each.replace(".", "").isalpha()
        assert each.meaning.endswith(".")


# ── scopes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_may_have_any_part_of_what_programs_may() -> None:
    assert check_scopes([str(each) for each in SCOPES]) == SCOPES


@pytest.mark.parametrize("scopes", [[], ["media.view"], ["screen", "users.manage"], ["everything"], [""]])
def test_a_key_has_a_scope_and_none_that_programs_may_not_have(scopes: list[str]) -> None:
    with pytest.raises(UnknownScope) as caught:
        check_scopes(scopes)
    assert "screen" in caught.value.known


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["robin", "r", "robin@example.org", "r.o-b_in+1", "7of9", "x" * 100])
def test_a_name_that_fits_is_a_name(name: str) -> None:
    assert check_user_name(name) == name


def test_a_name_is_the_same_in_any_case() -> None:
    assert check_user_name("Robin") == "robin"


@pytest.mark.parametrize("name", ["", " ", "-robin", "robin smith", "x" * 101, "róbin", "robin\n", "rob\0in", "ROBİN"])
def test_what_does_not_fit_is_no_name_and_is_not_repeated(name: str) -> None:
    with pytest.raises(InvalidUserName) as caught:
        check_user_name(name)
    assert len(name) < 2 or name not in str(caught.value)


@pytest.mark.parametrize("text", ["", "  ", "x" * 201, "two\nlines", "nul\0", "\ud800", "turned \u202e round"])
def test_what_others_see_is_a_short_text_without_control_characters(text: str) -> None:
    assert check_display_name("Robin Åsa-李") == "Robin Åsa-李"
    with pytest.raises(InvalidDisplayName):
        check_display_name(text)


@pytest.mark.parametrize(
    ("issuer", "subject"), [("", "x"), ("x", ""), ("x" * 501, "x"), ("x", "x" * 256), ("x", "\0"), ("\n", "x")]
)
def test_an_identity_that_cannot_be_kept_is_refused(issuer: str, subject: str) -> None:
    check_identity("https://id.example", "r-1")
    with pytest.raises(InvalidIdentity):
        check_identity(issuer, subject)


def test_a_user_has_a_role() -> None:
    with pytest.raises(RoleRefused):
        check_roles([])


def test_no_person_is_a_program() -> None:
    with pytest.raises(RoleRefused):
        check_roles([Role.REVIEWER, Role.SERVICE])


def test_nobody_changes_their_own_roles_but_the_command_line_anybody_s() -> None:
    with pytest.raises(RoleRefused):
        check_role_change("user:3", "user:3")
    check_role_change("user:3", "user:33")
    check_role_change("cli", "user:3")


@given(st.booleans(), st.booleans(), st.integers(0, 3))
def test_the_last_active_admin_stays_one(was: bool, will_be: bool, others: int) -> None:
    if was and not will_be and others == 0:
        with pytest.raises(LastAdmin):
            check_last_admin(was_active_admin=was, is_active_admin=will_be, other_active_admins=others)
    else:
        check_last_admin(was_active_admin=was, is_active_admin=will_be, other_active_admins=others)


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "password",
    ["kettle orbit lantern moss", "Xk29vbQp!zzm", "пароль для меня одной", "correcthorsebatterystaple", "x1y2z3" * 40],
)
def test_a_long_password_of_any_kind_of_characters_is_taken(password: str) -> None:
    assert check_password(password, "robin") == password


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "fewer than 12"),
        ("elevenchars", "fewer than 12"),
        ("kettle orbit " * 20, "more than 256"),
        ("kettle\norbit lantern", "control character"),
        ("kettle\0orbit lantern", "control character"),
        ("kettle orbit \ud800 moss", "control character"),
        ("aaaaaaaaaaaa", "repeats"),
        ("abababababababab", "repeats"),
        ("robinrobinrobin", "user's name"),
        ("Robin-Robin", "fewer than 12"),
        ("RobinRobin!!", "user's name"),
        ("password1234", "commonest"),
        ("Password1234!", "commonest"),
        ("P@ssw0rd2026!", "commonest"),
        ("qwertyuiop123", "commonest"),
        ("iloveyou12345", "commonest"),
        ("adminadminadmin", "commonest"),
        ("changeme123456", "commonest"),
        ("hedgerowadmin1", "commonest"),
        ("robin-password", "commonest"),
        ("123456789012345", "commonest"),
    ],
)
def test_a_password_that_is_short_long_or_common_is_refused_without_being_repeated(password: str, why: str) -> None:
    with pytest.raises(PasswordRefused) as caught:
        check_password(password, "robin")
    assert why in str(caught.value)
    assert not password or password not in str(caught.value)


def test_a_password_is_the_same_however_its_letters_are_composed() -> None:
    assert normalise_password("cafe\u0301 au lait noir") == normalise_password("caf\u00e9 au lait noir")


# ── locks and sessions ───────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 10_000))
def test_a_lock_never_shrinks_and_never_passes_its_limit(failures: int) -> None:
    until, longer = (locked_until(count, _NOON, _POLICY) for count in (failures, failures + 1))
    assert (until is None) == (failures < _POLICY.attempts)
    if until is not None:
        assert longer is not None
        assert until <= longer <= _NOON + timedelta(seconds=_POLICY.longest_lock_s)
        assert until > _NOON


def test_a_lock_begins_with_its_length_and_doubles() -> None:
    lengths = [locked_until(count, _NOON, _POLICY) for count in (5, 6, 7, 8, 9, 10)]
    assert [each and (each - _NOON).total_seconds() for each in lengths] == [30, 60, 120, 240, 480, 900]


@pytest.mark.parametrize(
    ("idle_s", "age_s", "is_over"),
    [(0, 0, False), (1799, 1799, False), (1800, 1800, True), (0, 43_199, False), (0, 43_200, True), (-60, 100, False)],
)
def test_a_session_is_over_when_it_was_idle_too_long_or_is_too_old(idle_s: int, age_s: int, is_over: bool) -> None:
    policy = SessionPolicy(idle_s=1_800, lifetime_s=43_200)
    began = _NOON - timedelta(seconds=age_s)
    last_seen = _NOON - timedelta(seconds=idle_s)
    expires = began + timedelta(seconds=policy.lifetime_s)
    assert is_session_over(_NOON, last_seen_at=last_seen, expires_at=expires, policy=policy) is is_over
