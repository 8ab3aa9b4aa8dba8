"""The nouns of accounts: roles, permissions, users, sessions, links, API keys, and what comes of a login."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.errors import LoginRefused, SecondFactorNeeded

__all__ = [
    "LINK_PATH",
    "ApiKey",
    "LinkPurpose",
    "LoggedIn",
    "LoginAttempt",
    "LoginOutcome",
    "LoginPolicy",
    "NewKey",
    "NewLink",
    "OneTimeLink",
    "PasswordCheck",
    "Permission",
    "Role",
    "Session",
    "SessionPolicy",
    "User",
]


class _Described(StrEnum):
    """Words for programs, each with the sentence that the documentation prints."""

    meaning: str

    def __new__(cls, word: str, meaning: str = "") -> Self:  # the default is for looking a member up by its word
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        return member


class Role(_Described):
    """What somebody is here for. A user may have several; `hedgerow.accounts.rules` says what each may do."""

    ADMIN = "admin", "Looks after users, keys, settings and connections. Sees no media and decides nothing."
    LEAD = "lead", "Runs the team: banks, policy, queues, hard decisions, limits of exposure."
    REVIEWER = "reviewer", "Takes cases, looks where it must be, decides, drafts reports."
    APPROVER = "approver", "The second person before a report leaves the house."
    CUSTODIAN = "custodian", "Keeps the evidence: alone may ask for it to be opened, held or destroyed."
    ANALYST = "analyst", "Counts: figures and exports without media, texts or accounts."
    SERVICE = "service", "A program with an API key. No person has this role; a key has a part of it, its scopes."


class Permission(_Described):
    """One thing that may be done. Every route names the one it needs."""

    # accounts, settings, record
    USERS_MANAGE = "users.manage", "Add, disable and reset users; give and take roles (never one's own)."
    KEYS_MANAGE = "keys.manage", "Create and revoke API keys."
    SETTINGS_WRITE = "settings.write", "Change what can be set while the service runs."
    WEBHOOKS_MANAGE = "webhooks.manage", "Say where the platform is told of actions, and with which secret."
    DELIVERIES_READ = "deliveries.read", "See what was sent to the platform, each attempt, and what is not confirmed."
    DELIVERIES_RETRY = "deliveries.retry", "Send again what was not confirmed."
    METRICS_READ = "metrics.read", "Read the metrics and the state of the service in detail."
    AUDIT_READ = "audit.read", "Search and verify the audit log."
    AUDIT_EXPORT = "audit.export", "Take the audit log out of the house."
    # banks and partners
    BANKS_READ = "banks.read", "See banks, entries and their provenance, without signal values."
    BANKS_WRITE = "banks.write", "Create and change banks; add, import and withdraw entries."
    BANKS_EXPORT = "banks.export", "Take signal values out of a bank."
    EXCHANGES_READ = "exchanges.read", "See exchanges with partners, their fetches and errors."
    EXCHANGES_WRITE = "exchanges.write", "Configure exchanges and their credentials (which nobody can read back)."
    EXCHANGES_SHARE = "exchanges.share", "Approve that signals or opinions are sent to a partner."
    SHARING_READ = "sharing.read", "Read what is shared with this very key, signal values too, and nothing else."
    # looking things up
    HASH = "hash", "Have media hashed."
    MATCH = "match", "Look signals or media up in the banks, without leaving a trace in cases."
    SCREEN = "screen", "Submit media to be screened: matches become cases."
    LOOKBACK = "lookback", "Look for what was uploaded before a signal was known."
    HMA = "hma", "Use the door that speaks HMA's interface."
    # policy
    POLICY_READ = "policy.read", "Read the policy and its versions."
    POLICY_WRITE = "policy.write", "Write a version of the policy and try it on past matches."
    POLICY_ACTIVATE = "policy.activate", "Put a version of the policy into force."
    # cases
    CASES_READ = "cases.read", "See cases: states, matches, machine facts. Neither media nor texts."
    CASES_CLAIM = "cases.claim", "Take a case from a queue and give it back."
    CASES_DECIDE = "cases.decide", "Decide about a case, within the undo window take it back, escalate, skip."
    CASES_ASK = "cases.ask", "Ask a partner what it knows of a hash in a case (Project Arachnid Shield)."
    CASES_ASSIGN = "cases.assign", "Take a claim from somebody, move a case to another queue, set its priority."
    CASES_REOPEN = "cases.reopen", "Open a closed case again: an appeal, a doubt."
    SUPPRESSIONS_WRITE = "suppressions.write", "Lift a suppression, so that a pair judged no match counts again."
    QUALITY_SAMPLE = "quality.sample", "Choose decisions for a blind second review and see the agreement."
    MEDIA_TILE = "media.tile", "See blurred, grey tiles of media."
    MEDIA_VIEW = "media.view", "Have media shown as it is, each time on purpose and recorded."
    TEXT_VIEW = "text.view", "Open texts and metadata around media, each time recorded."
    EXPOSURE_LIMITS = "exposure.limits", "Set the limits of what a reviewer sees in a day; see sums over the team."
    # evidence
    EVIDENCE_READ = "evidence.read", "See what is kept, until when, and whether it is unaltered. Not the thing itself."
    EVIDENCE_OPEN = "evidence.open", "Ask for sealed evidence to be opened or handed to the authority."
    EVIDENCE_HOLD = "evidence.hold", "Place, extend and lift holds."
    EVIDENCE_DESTROY = "evidence.destroy", "Ask for evidence to be destroyed before its time."
    EVIDENCE_AGREE = "evidence.agree", "Be the second person for an opening, a lifted hold or a destruction."
    VAULT_MANAGE = "vault.manage", "Say where evidence is stored; change the keys it is wrapped with, unseen."
    # reports to the authority
    REPORTS_READ = "reports.read", "See reports, their previews and what became of them."
    REPORTS_DRAFT = "reports.draft", "Compose a report and change the draft."
    REPORTS_APPROVE = "reports.approve", "Approve a report that somebody else composed."
    REPORTS_RESOLVE = "reports.resolve", "Settle a filing that needs a person; retract a report."
    REPORTS_CREDENTIALS = "reports.credentials", "Enter the authority's credentials (which nobody can read back)."
    REPORTS_ARM = "reports.arm", "Be one of the two people who switch from rehearsal to real reports."
    # notices of persons concerned
    NOTICES_READ = "notices.read", "See removal requests."
    NOTICES_DECIDE = "notices.decide", "Decide about removal requests."
    # figures
    INSIGHT_READ = "insight.read", "See figures: backlog, times, false positives, agreement."
    TRANSPARENCY_EXPORT = "transparency.export", "Take figures out for a transparency report."


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class User:
    """A person who may log in.

    Attributes:
        id: The number, never given out twice.
        name: What is typed at the login, in small letters.
        display_name: What others see.
        roles: What this person is here for.
        is_active: Whether logging in is possible at all.
        has_password: False until a first link was used, and for who comes through OIDC only.
        has_totp: Whether a login asks for a code.
        created_at: When the user was added.
        locked_until: Until when logins are refused after failures; None without any.
        last_login_at: The latest login.
        oidc_issuer: Who vouches for this person, if anybody does.
        oidc_subject: The issuer's own name for this person.
    """

    id: int
    name: str
    display_name: str
    roles: frozenset[Role]
    is_active: bool
    has_password: bool
    has_totp: bool
    created_at: datetime
    locked_until: datetime | None = None
    last_login_at: datetime | None = None
    oidc_issuer: str | None = None
    oidc_subject: str | None = field(default=None, repr=False)

    @property
    def actor(self) -> str:
        """The word under which the audit log knows this person."""
        return f"user:{self.id}"


# ── logins and sessions ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    """How many failures lock a user out, and for how long.

    Attributes:
        attempts: Failures in a row that lock.
        lock_s: Seconds of the first lock; each further failure doubles them.
        longest_lock_s: Most seconds of one lock.
    """

    attempts: int = 5
    lock_s: float = 30.0
    longest_lock_s: float = 900.0


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a session lives.

    Attributes:
        idle_s: Seconds without a request after which it is over.
        lifetime_s: Seconds after which it is over in any case.
    """

    idle_s: float = 1_800.0
    lifetime_s: float = 43_200.0


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login that was begun: counted, and not yet judged.

    Attributes:
        user_id: Whose; None for a name that nobody has.
        password_hash: What the password is to be held against; a hash of nothing where there is none.
        refusal: Why it will be refused whatever the password is; None if the password decides.
        locked_until: The lock that this attempt set, to be undone if it turns out right.
    """

    user_id: int | None
    password_hash: str = field(repr=False)
    refusal: str | None = None
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """What came of holding a password against a hash.

    Attributes:
        is_right: Whether they belong together.
        new_hash: The same password under today's parameters, where the hash was made under others.
    """

    is_right: bool
    new_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """A stretch of requests by one user after one login.

    Attributes:
        id: Its number.
        user: Who, with the roles of this moment.
        created_at: When the user logged in.
        last_seen_at: The latest request that was noted.
        expires_at: When it is over in any case.
        permissions: What the user's roles permit at this moment.
    """

    id: int
    user: User
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    permissions: frozenset[Permission]

    @property
    def actor(self) -> str:
        """The word under which the audit log knows who this is."""
        return self.user.actor


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A login that was accepted.

    Attributes:
        session: The new session.
        token: What the browser is to send back: shown once, stored nowhere.
    """

    session: Session
    token: str = field(repr=False)


LoginOutcome: TypeAlias = "LoggedIn | LoginRefused | SecondFactorNeeded"
"""A refusal is returned, not raised, so that the caller commits what was counted before raising it."""


# ── one-time links ───────────────────────────────────────────────────────────────────────────────────────────────


class LinkPurpose(StrEnum):
    """What a one-time link is for."""

    FIRST_ADMIN = "first_admin"
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105  (a purpose, no password)


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that lets its holder choose a password, once.

    Attributes:
        id: Its number.
        purpose: What it is for.
        user_id: Whose password; None for the first admin, who does not exist yet.
        expires_at: When it is worth nothing any more.
    """

    id: int
    purpose: LinkPurpose
    user_id: int | None
    expires_at: datetime


LINK_PATH: Final = "/welcome/"
"""The path of the service that, with a token behind it, is a one-time link."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that was just made.

    Attributes:
        link: The link as it is recorded.
        token: What proves it: shown once, stored nowhere.
    """

    link: OneTimeLink
    token: str = field(repr=False)

    @property
    def path(self) -> str:
        """The path of the service that it is opened by."""
        return f"{LINK_PATH}{self.token}"


# ── API keys ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What a program shows instead of a password.

    Attributes:
        id: Its number, never given out twice.
        name: What people call it.
        prefix: The part of its text that is no secret, to tell keys apart.
        scopes: What it may do.
        namespace: Whose content ids it speaks of: two platforms may use the same ones.
        created_by: Who made it, as an actor.
        created_at: When.
        requests_per_minute: Its own limit; None for the service's.
        expires_at: When it stops working; None for never.
        revoked_at: When it was revoked; None while it was not.
        last_used_at: Its latest use that was noted.
    """

    id: int
    name: str
    prefix: str
    scopes: frozenset[Permission]
    namespace: str
    created_by: str
    created_at: datetime
    requests_per_minute: int | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def actor(self) -> str:
        """The word under which the audit log knows this key."""
        return f"key:{self.id}"

    @property
    def permissions(self) -> frozenset[Permission]:
        """What may be done with this key: its scopes."""
        return self.scopes

    def is_usable(self, now: datetime) -> bool:
        """Tell whether it still works; a cache asks this at every request."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made.

    Attributes:
        key: The key as it is recorded.
        text: What the program is to send: shown once, stored nowhere.
    """

    key: ApiKey
    text: str = field(repr=False)
