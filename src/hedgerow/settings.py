"""The settings: every number a person may turn, where it is read from, and what it may be.

The first source that names a setting decides: what the caller (the command line) gives, the environment
(``HEDGEROW_THRESHOLD``, ``HEDGEROW_MEDIA_PIXELS``), ``hedgerow.toml`` in the data folder, ``hedgerow.toml`` in the
current folder, the default. A name that no setting has is refused in a file and from a caller.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SourceError

from hedgerow.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.matching.videos import VideoRule
    from hedgerow.media import MediaLimits

__all__ = [
    "FILE_NAME",
    "AccountSettings",
    "ArchiveSettings",
    "EvidenceSettings",
    "ExposureSettings",
    "FetchSettings",
    "HmaSettings",
    "ImportSettings",
    "IndexSettings",
    "LookbackSettings",
    "MediaSettings",
    "OidcSettings",
    "ReportSettings",
    "ReportsSettings",
    "ServerSettings",
    "Settings",
    "VideoSettings",
    "WorkerSettings",
    "load_settings",
]

FILE_NAME = "hedgerow.toml"
_PREFIX = "HEDGEROW_"
_DEFAULT_DATA = Path("hedgerow-data")

_Positive = Annotated[int, Field(ge=1)]


def _listed(value: object) -> object:
    """Read a list from the environment, where it is written with commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        from ipaddress import ip_network  # noqa: PLC0415  (only a list that holds something needs it)

        try:
            ip_network(each)
        except ValueError:
            raise ValueError("a network is written like 10.0.0.0/8 or fd00::/8") from None
    return value


_Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
_Ports = Annotated[tuple[Annotated[int, Field(ge=1, le=65_535)], ...], NoDecode, BeforeValidator(_listed)]
_Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_networks)]


def _cores() -> int:
    """Count the cores that this process may use (fewer than the machine's in a container or under taskset)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MediaSettings(_Section):
    """How much one piece of untrusted media may cost. The defaults are those of `hedgerow.media.MediaLimits`."""

    size_bytes: _Positive = Field(
        default=512 * 1024**2, description="Largest file that is decoded. Digests have no such limit."
    )
    pixels: _Positive = Field(default=100_000_000, description="Most pixels in one decoded raster.")
    frames: _Positive = Field(default=256, description="Most distinct frames hashed of one animation.")
    seconds: float = Field(default=8.0, gt=0, description="Most wall-clock seconds for one piece of media.")
    memory_bytes: int = Field(
        default=768 * 1024**2,
        ge=64 * 1024**2,
        description="Most memory that a decoding process may take, beyond what it needs to start.",
    )
    video_seconds: float = Field(
        default=600.0, gt=0, description="Most wall-clock seconds for one video; what was seen until then is kept."
    )
    video_duration_s: float = Field(
        default=24 * 3600.0, gt=0, description="Most seconds of a video's own time that are looked at."
    )
    video_frames: _Positive = Field(default=200_000, description="Most frames kept of one video.")


class ArchiveSettings(_Section):
    """How far a scan looks into zips and tars. Members are read in memory and never written to disk."""

    members: _Positive = Field(default=100_000, description="Most members looked at in one archive.")
    total_bytes: _Positive = Field(
        default=64 * 1024**3, description="Most unpacked bytes read from one archive, all members together."
    )
    member_bytes: _Positive = Field(
        default=512 * 1024**2, description="Most unpacked bytes of one member; a larger one is not looked at."
    )
    ratio: _Positive = Field(
        default=300, description="Largest ratio of unpacked to packed size of a member before it counts as a bomb."
    )
    depth: int = Field(default=1, ge=1, le=3, description="How many archives may lie within one another.")


class IndexSettings(_Section):
    """When a bank's index is kept on disk, and when its snapshot is renewed."""

    small_bank_entries: int = Field(
        default=20_000,
        ge=0,
        description="A bank with fewer entries of a type is searched from the database, without a snapshot.",
    )
    delta_entries: _Positive = Field(
        default=50_000, description="A snapshot is renewed once more entries than this were added or withdrawn since."
    )


class ImportSettings(_Section):
    """What an imported file may contain."""

    line_bytes: int = Field(
        default=32 * 1024**2,
        ge=256,
        description="Longest line that is read; a longer one is reported and skipped. One line may hold a whole video.",
    )
    rejections: int = Field(
        default=1_000, ge=0, description="How many rejected lines are listed one by one; all of them are counted."
    )


class VideoSettings(_Section):
    """When two videos match: any of three is enough. The defaults are those of `hedgerow.matching.videos.VideoRule`."""

    known_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="So much of the known video's time is in the file: the whole clip, or most.",
    )
    query_share: float = Field(
        default=0.5, gt=0, le=1, description="So much of the file's time is in the known video: an excerpt of it."
    )
    segment_s: float = Field(
        default=2.0,
        gt=0,
        description="One stretch of at least so many seconds is in both, with enough different looks.",
    )
    segment_looks: _Positive = Field(
        default=3,
        description="So many different looks are enough. A title card is one, however long it stands.",
    )


class ReportSettings(_Section):
    """How much a report shows."""

    html_rows: _Positive = Field(
        default=5_000, description="Most rows in each table of an HTML report; the other formats carry all of them."
    )


class AccountSettings(_Section):
    """How logins, sessions and links live. The defaults are those of `hedgerow.accounts`."""

    # NIST SP 800-63B (revision 3), section 4.2.3: at the second level of assurance 30 minutes idle, 12 hours in all.
    session_idle_s: float = Field(
        default=1_800.0,
        ge=300,
        description="Seconds without a request after which somebody must log in again.",
    )
    session_lifetime_s: float = Field(
        default=43_200.0, ge=300, description="Seconds after a login after which somebody must log in again anyway."
    )
    # NIST (as above, section 5.2.2) allows at most 100 failures in a row; five are what a person needs to remember
    # which password it was.
    login_attempts: int = Field(
        default=5, ge=1, le=100, description="Failed logins in a row after which a user is locked out for a while."
    )
    lock_s: float = Field(
        default=30.0, gt=0, description="Seconds of the first lock; each further failure doubles them."
    )
    longest_lock_s: float = Field(
        default=900.0,
        gt=0,
        description="Most seconds of one lock. Strangers can lock somebody out, so that none should be long.",
    )
    link_s: float = Field(
        default=3_600.0,
        gt=0,
        description="Seconds for which a link for the first admin or for a new password can be used.",
    )
    invitation_s: float = Field(
        default=259_200.0, gt=0, description="Seconds for which the invitation of a new user can be used."
    )


class ServerSettings(_Section):
    """What the service takes, and how much of it."""

    host: str = Field(
        default="127.0.0.1",
        description="Address that the service listens on. Other machines reach it only where this is one of theirs.",
    )
    port: int = Field(
        default=8080, ge=0, le=65_535, description="Port that the service listens on; 0 for any free one."
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Processes that answer requests. More than one need PostgreSQL, or a database that is read mostly.",
    )
    body_bytes: _Positive = Field(default=512 * 1024**2, description="Largest request that is taken.")
    field_bytes: _Positive = Field(
        default=1024**2, description="Largest request without media, and largest field beside media."
    )
    batch_bytes: _Positive = Field(
        default=32 * 1024**2, description="Largest request with a batch. A video's frames take some megabytes."
    )
    body_s: float = Field(
        default=300.0, gt=0, description="Seconds in which a request has to arrive. Slower ones are ended."
    )
    head_s: float = Field(
        default=10.0, gt=0, description="Seconds in which a connection has to say what it wants, from its first moment."
    )
    idle_s: float = Field(default=75.0, gt=0, description="Seconds for which a connection may rest between requests.")
    waiting_media: _Positive = Field(
        default=64,
        description="Most pieces of media that wait to be hashed; more are refused with 503, and may be sent again.",
    )
    batch: int = Field(
        default=1_000, ge=1, le=100_000, description="Most submissions, or entries of a bank, in one request."
    )
    requests_per_minute: _Positive = Field(
        default=600_000, description="Most requests of one API key in a minute, where the key has no limit of its own."
    )
    refusals_per_minute: _Positive = Field(
        default=60, description="Most failed logins and refused keys from one address in a minute."
    )
    shutdown_s: float = Field(
        default=30.0, ge=0, description="Seconds that requests under way are given when the service is told to stop."
    )
    public_url: str | None = Field(
        default=None,
        description="Address under which people reach the service, such as https://hedgerow.example.org. Without it: "
        "http:// and the host and port above. Cookies are sent over TLS only where it begins with https.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; networks as CIDR.",
    )
    metrics_public: bool = Field(
        default=False,
        description="Whether /metrics answers without a key. It holds counts and names of banks, nothing else.",
    )
    log: Literal["text", "json"] = Field(default="text", description="How the log is written: for people, or as JSON.")
    log_requests: Literal["none", "failed", "all"] = Field(
        default="failed",
        description="Which requests leave a line in the log: none, those answered with 500 or more, or all.",
    )


class OidcSettings(_Section):
    """A login provider that speaks OpenID Connect. Without an issuer there is none."""

    issuer: str | None = Field(
        default=None,
        description="Address of the provider, exactly as it writes its own: https, with "
        "/.well-known/openid-configuration below it.",
    )
    client_id: str = Field(default="", description="What the provider calls this service.")
    client_secret: SecretStr | None = Field(
        default=None,
        repr=False,
        description="What this service proves itself with to the provider; none for a public client.",
    )
    name: str = Field(
        default="your organisation", min_length=1, max_length=60, description="What the button of the login page says."
    )
    wait_s: float = Field(
        default=5.0, gt=0, le=60, description="Most seconds that one answer of the provider may take."
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.issuer is None:
            return self
        if not self.client_id:
            raise ValueError("an issuer needs a client_id")
        scheme, _, rest = self.issuer.partition("://")
        host = rest.partition("/")[0].rpartition(":")[0] or rest.partition("/")[0]
        if scheme != "https" and not (scheme == "http" and host in {"127.0.0.1", "localhost", "[::1]"}):
            raise ValueError("an issuer begins with https://")
        return self


class FetchSettings(_Section):
    """Whether and how media is fetched from an address that a platform names. Off unless somebody turns it on."""

    enabled: bool = Field(
        default=False, description="Whether addresses are fetched at all. A platform may always send the bytes."
    )
    hosts: _Names = Field(
        default=(),
        description="The only hosts that are fetched from, each with its subdomains. Without any: every public host.",
    )
    ports: _Ports = Field(default=(), description="Ports that are gone to besides 80 and 443.")
    private_networks: _Networks = Field(
        default=(),
        description="Networks as CIDR that are no public ones and may be fetched from all the same, such as that of an "
        "object store of your own.",
    )
    size_bytes: _Positive = Field(default=512 * 1024**2, description="Most bytes of one answer.")
    connect_s: float = Field(default=5.0, gt=0, description="Most seconds to find and reach a host.")
    read_s: float = Field(default=10.0, gt=0, description="Most seconds in which nothing arrives.")
    total_s: float = Field(
        default=60.0, gt=0, description="Most seconds for one address, its redirects and all its bytes."
    )
    redirects: int = Field(default=3, ge=0, le=20, description="Most redirects that are followed.")


class LookbackSettings(_Section):
    """Whether signals of what is submitted are kept, for how long, and how a look-back goes through them."""

    enabled: bool = Field(
        default=False,
        description="Whether the signals of submissions (never their media) are kept, so that one can look back.",
    )
    days: int = Field(default=90, ge=1, le=3_650, description="Days for which they are kept.")
    on_bank: bool = Field(
        default=False,
        description="Whether a look-back is made for every entry that is banked, without anybody asking.",
    )
    slice_rows: int = Field(
        default=2_000, ge=1, le=100_000, description="Submissions that are looked up before a look-back pauses."
    )
    pause_s: float = Field(
        default=0.1,
        ge=0,
        description="Least seconds of a pause between two slices. Within a slice, too, a look-back rests for as long "
        "as it worked.",
    )


class EvidenceSettings(_Section):
    """Where evidence is kept, under which keys, and for how long what was not reported."""

    vault: str | None = Field(
        default=None,
        description="Where evidence is kept: `file:` and a folder (a relative one begins in the data folder), or "
        "`s3://bucket/prefix`. Without it: the folder vault in the data folder.",
    )
    review_key: SecretStr | None = Field(
        default=None,
        repr=False,
        description="Keys that open evidence until it is sealed, the newest first: 32 bytes each, as base64, with "
        "commas between them. Without it: derived from `service_key`.",
    )
    s3_endpoint: str | None = Field(
        default=None,
        description="Address of an object store that speaks S3, such as https://storage.example.org. Without it: "
        "Amazon's.",
    )
    s3_region: str | None = Field(
        default=None, description="Region of the bucket. Without it: that of the environment, or us-east-1."
    )
    s3_access_key: SecretStr | None = Field(
        default=None,
        repr=False,
        description="Access key of the object store. Without it: AWS_ACCESS_KEY_ID, or the machine's own role.",
    )
    s3_secret_key: SecretStr | None = Field(
        default=None, repr=False, description="Secret key of the object store. Without it: AWS_SECRET_ACCESS_KEY."
    )
    s3_conditional: bool = Field(
        default=True,
        description="Whether the object store refuses to write over an object when asked to (If-None-Match). Without "
        "it we look beforehand, and two that write the same name in the same moment are not told apart.",
    )
    s3_wait_s: float = Field(
        default=30.0, gt=0, le=600, description="Most seconds that one request to the object store may take."
    )
    orphan_hours: float = Field(
        default=24.0,
        ge=1,
        le=8_760,
        description="Hours after which an object is deleted that was begun and that nothing names: a process died "
        "over it.",
    )
    unreported_days: float = Field(
        default=30.0,
        ge=0,
        le=3_650,
        description="Days for which evidence is kept that people decided is no match, once its cases are closed.",
    )
    opening_minutes: float = Field(
        default=60.0,
        gt=0,
        le=10_080,
        description="Minutes for which evidence may be read that two people opened.",
    )

    @model_validator(mode="after")
    def _is_a_vault(self) -> Self:
        scheme, _, rest = ("file:vault" if self.vault is None else self.vault).partition(":")
        bucket = rest.removeprefix("//").partition("/")[0]
        if not (scheme == "file" and rest) and not (scheme == "s3" and rest.startswith("//") and bucket):
            raise ValueError("a vault is written file:folder or s3://bucket/prefix")
        if self.s3_endpoint is not None and not self.s3_endpoint.startswith(("https://", "http://")):
            raise ValueError("an endpoint begins with https:// or http://")
        if (self.s3_access_key is None) != (self.s3_secret_key is None):
            raise ValueError("s3_access_key and s3_secret_key belong together")
        return self


class ExposureSettings(_Section):
    """How much people look at, and what protects them while they do."""

    daily_reveals: int = Field(
        default=40,
        ge=0,
        le=1_000,
        description="Most looks at media as it is that one person has within 24 hours. Everybody may lower their own; "
        "somebody else with the permission `exposure.limits` may raise it.",
    )
    reveals_until_break: int = Field(
        default=10, ge=1, le=1_000, description="Looks after which nothing is shown for a while."
    )
    break_minutes: float = Field(
        default=10.0, gt=0, le=240, description="Minutes of that while. Who has not looked for so long had a break."
    )
    reblur_s: float = Field(
        default=5.0, ge=1, le=120, description="Seconds after which a picture that is shown is hidden again."
    )


class ReportsSettings(_Section):
    """What every report to an authority says of the reporter, and how reports are filed."""

    reporter_first_name: str | None = Field(default=None, description="First name of the person who reports.")
    reporter_last_name: str | None = Field(default=None, description="Last name of the person who reports.")
    reporter_email: str | None = Field(
        default=None, description="E-mail address of the person who reports. Without it no report can be sent."
    )
    reporter_phone: str | None = Field(default=None, description="Phone number of the person who reports.")
    contact_first_name: str | None = Field(
        default=None, description="First name of whom law enforcement may contact, where that is somebody else."
    )
    contact_last_name: str | None = Field(default=None, description="Last name of whom law enforcement may contact.")
    contact_email: str | None = Field(default=None, description="E-mail address for law enforcement.")
    contact_phone: str | None = Field(default=None, description="Phone number for law enforcement.")
    company_template: str | None = Field(
        default=None,
        description="What every report says of the company: how legal process is served, how long data is kept, who "
        "answers at night. As long as it has to be.",
    )
    terms_of_service: str | None = Field(
        default=None, description="The clause of the terms of service that such material breaks. As long as it is."
    )
    legal_url: str | None = Field(default=None, description="Address of the page for law enforcement.")
    service: str | None = Field(default=None, description="Name of the service on which the reported accounts are.")
    platform: str | None = Field(
        default=None, description="Name of the platform on which it happened, where it has another than the service."
    )
    states_classification: bool = Field(
        default=True,
        description="Whether reports state the classes A1 to B2. They are for companies that share hashes with NCMEC.",
    )
    environment: Literal["test", "production"] = Field(
        default="test",
        description="Into which of the authority's systems a new draft goes where nobody says. `production` sends "
        "nothing by itself: two people have to switch real reports on (`hedgerow report arm`).",
    )
    test_url: str | None = Field(
        default=None,
        description="Where rehearsals go: `http://127.0.0.1:8099/ispws` of `hedgerow simulate cybertipline`, or "
        "`https://exttest.cybertip.org/ispws`. Without it they go to the simulator that the first run starts, and else "
        "nowhere. The address of real reports is no setting.",
    )
    solo: bool = Field(
        default=False,
        description="Whether one person may approve their own report and switch real reports on alone, with a recorded "
        "declaration and a time to think again. For who has nobody else.",
    )
    solo_approval_minutes: float = Field(
        default=60.0, ge=10, le=1_440, description="Minutes after which a solo approval counts."
    )
    solo_arming_hours: float = Field(default=24.0, ge=1, le=168, description="Hours after which solo arming holds.")
    expected: bool = Field(
        default=True,
        description="Whether every confirmed case is expected to lead to a report. Those of which nobody has drafted "
        "one are then named. To say that none is owed, draft it and withdraw it with the reason.",
    )
    deadline_hours: float = Field(
        default=24.0,
        ge=1,
        le=720,
        description="Hours after which a report that is not filed alarms, from when the first confirmation of its case "
        "took effect. The law of the United States "
        'says "as soon as reasonably possible".',
    )
    seal_rehearsed: bool = Field(
        default=False,
        description="Whether the evidence of a report to the test system is held and sealed as if it were filed. What "
        "is sealed cannot be sent again.",
    )
    lease_s: float = Field(
        default=360.0,
        ge=1,
        le=3_600,
        description="Seconds after which another process may go on with a report that a process died over. Less than "
        "twice the longest wait for an answer (120) makes living processes take each other's reports.",
    )


class TracesSettings(_Section):
    """Where OpenTelemetry is told how long things took."""

    endpoint: str | None = Field(
        default=None,
        description="Address to which spans are sent, by OTLP over HTTP, such as "
        "https://collector.example/v1/traces. Without it "
        "nothing is recorded. Headers for it are taken from OTEL_EXPORTER_OTLP_HEADERS.",
    )
    share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of requests that is recorded, where whoever asks does not say whether to.",
    )

    @model_validator(mode="after")
    def _is_an_address(self) -> Self:
        if self.endpoint is not None and not self.endpoint.startswith(("https://", "http://")):
            raise ValueError("an endpoint begins with https:// or http://")
        return self


class HmaSettings(_Section):
    """The door that speaks the interface of Meta's Hasher-Matcher-Actioner."""

    anonymous: bool = Field(
        default=False,
        description="Whether the door answers without a key: to this machine, and to `private_networks`. Said in the "
        "log at the start and each minute.",
    )
    private_networks: _Networks = Field(
        default=(),
        description="Networks as CIDR that may come without a key too, where `anonymous` is on. Whoever is in them may "
        "change every bank.",
    )
    dev: bool = Field(
        default=False,
        description="Whether HMA's development routes are there: factory reset, seeds, fetch now. Only with "
        "`anonymous`, and without cases and reports.",
    )
    level: Literal["exact", "standard", "thorough"] = Field(
        default="exact",
        description="How many ways a query is looked up in a bank that is made through this door; `exact` is what HMA "
        "itself finds.",
    )
    vpdq: bool = Field(default=False, description="Whether the signal type `vpdq` is offered beside `video_md5`.")
    fetch_every_s: float = Field(
        default=240.0, ge=1, description="Seconds between two fetches of a file or of samples."
    )


class ExchangeSettings(_Section):
    """Calls to partners: how long, how much, how often."""

    timeout_s: float = Field(
        default=60.0, gt=0, le=3_600, description="Seconds for each of connecting, sending, and the next bytes."
    )
    answer_s: float = Field(default=300.0, gt=0, le=86_400, description="Seconds for a whole answer of a partner.")
    answer_bytes: _Positive = Field(default=64 * 1024**2, description="Most bytes of one answer of a partner.")
    tries: int = Field(
        default=4, ge=1, le=20, description="How often a call that changes nothing is made before the fetch ends."
    )
    longest_pause_s: float = Field(
        default=60.0,
        ge=0,
        le=3_600,
        description="Longest that a partner may ask us to wait within a fetch; for longer, the fetch ends and is due "
        "again then.",
    )
    walk_s: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="Seconds after which a walk through a partner's whole set makes way for updates, and goes on with "
        "the next fetch.",
    )
    ask_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="Seconds that whoever asks Project Arachnid Shield about a hash waits for its answer; after that "
        "the workers ask, and the answer stands in the case.",
    )


class WorkerSettings(_Section):
    """What is done beside answering: webhooks, decisions that take effect, checkpoints."""

    in_serve: bool = Field(
        default=True,
        description="Whether `hedgerow serve` does it too. Without it run `hedgerow worker` beside it.",
    )
    webhook_threads: int = Field(
        default=32,
        ge=1,
        le=256,
        description="Messages to all endpoints together that one process sends at the same time.",
    )
    # Four times the longest time-out of one step of a try (hedgerow.actions.rules.LEASE)
    webhook_lease_s: float = Field(
        default=60.0,
        ge=1,
        le=3_600,
        description="Seconds after which another process may send a message that a process died over.",
    )
    checkpoint_hours: float = Field(
        default=24.0,
        ge=0,
        le=8_760,
        description="Hours between two signed checkpoints of the audit that are made without being asked for; 0 for "
        "none.",
    )
    qa_share: float = Field(
        default=0.0, ge=0, le=1, description="Share of closed cases that is drawn for a second review."
    )
    stop_s: float = Field(
        default=20.0, ge=0, le=600, description="Seconds that a stop waits for what is on its way to a platform."
    )


class Settings(BaseSettings):
    """Everything that can be set. Make one with `load_settings`; it never changes afterwards."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        validate_default=True,
    )

    data: Path = Field(
        default=_DEFAULT_DATA, description="The data folder: the database, the indexes and the journals of scans."
    )
    database_url: str | None = Field(
        default=None,
        repr=False,
        description="SQLAlchemy address of the database. Without it: SQLite, in hedgerow.db in the data folder.",
    )
    jobs: int = Field(
        default_factory=_cores,
        ge=1,
        le=1024,
        description="How many processes hash at the same time. Without it: the cores that this process may use.",
    )
    threshold: int = Field(
        default=31,
        ge=0,
        le=64,
        description="Threshold of a new bank, in bits of 256: a distance up to it is a match.",
    )
    minimum_quality: int = Field(
        default=50,
        ge=0,
        le=100,
        description="Minimum quality of a new bank: a perceptual signal below it is not matched.",
    )
    service_key: SecretStr | None = Field(
        default=None,
        description="Keys that seal secrets in the database, the newest first: 32 bytes each, as base64, with commas "
        "between them. Without it: service.key in the data folder, made at first use.",
    )
    media: MediaSettings = Field(default=MediaSettings(), description="Limits of one piece of media.")
    archives: ArchiveSettings = Field(default=ArchiveSettings(), description="Limits of one archive.")
    index: IndexSettings = Field(default=IndexSettings(), description="When indexes are kept on disk.")
    videos: VideoSettings = Field(default=VideoSettings(), description="When two videos match.")
    imports: ImportSettings = Field(default=ImportSettings(), description="Limits of an imported file.")
    report: ReportSettings = Field(default=ReportSettings(), description="How much a report shows.")
    server: ServerSettings = Field(default=ServerSettings(), description="What the service takes, and how much of it.")
    accounts: AccountSettings = Field(default=AccountSettings(), description="How logins, sessions and links live.")
    workers: WorkerSettings = Field(default=WorkerSettings(), description="What is done beside answering.")
    oidc: OidcSettings = Field(default=OidcSettings(), description="A login provider that speaks OpenID Connect.")
    fetch: FetchSettings = Field(
        default=FetchSettings(), description="Whether and how media is fetched from addresses."
    )
    lookback: LookbackSettings = Field(
        default=LookbackSettings(), description="Whether one can look back on what was submitted."
    )
    evidence: EvidenceSettings = Field(
        default=EvidenceSettings(), description="Where evidence is kept, and under which keys."
    )
    exposure: ExposureSettings = Field(
        default=ExposureSettings(), description="How much people look at, and what protects them."
    )
    reports: ReportsSettings = Field(default=ReportsSettings(), description="What reports say of the reporter.")

    traces: TracesSettings = Field(default=TracesSettings(), description="What is told to OpenTelemetry.")
    exchanges: ExchangeSettings = Field(default=ExchangeSettings(), description="Calls to partners.")
    hma: HmaSettings = Field(default=HmaSettings(), description="The door that speaks HMA's interface.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (a .env file is no source of ours)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (nor is a secrets folder)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: caller, environment, the data folder's file, the current folder's file."""
        stated = init_settings().get("data") or env_settings().get("data")
        here = Path(FILE_NAME)
        data = Path(str(stated or _toml(here).get("data") or _DEFAULT_DATA))
        beside = data / FILE_NAME
        files = [here]
        if beside.resolve() != here.resolve():
            if "data" in _toml(beside):
                raise SettingsError("data", f"{FILE_NAME} inside a data folder cannot name another one")
            files.insert(0, beside)
        return (
            init_settings,
            env_settings,
            *(TomlConfigSettingsSource(settings_cls, file) for file in files),
        )

    def media_limits(self) -> MediaLimits:
        """Return the limits of one piece of media as the media room takes them."""
        from hedgerow.media import MediaLimits  # noqa: PLC0415  (a command that hashes nothing loads no media room)

        return MediaLimits(**self.media.model_dump())

    def video_rule(self) -> VideoRule:
        """Return when two videos match, as the matching room takes it."""
        from hedgerow.matching.videos import VideoRule  # noqa: PLC0415  (a command that matches nothing loads no NumPy)

        return VideoRule(**self.videos.model_dump())


def _toml(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            FILE_NAME, "it is no TOML" if isinstance(error, UnicodeDecodeError) else str(error)
        ) from None
    except OSError as error:
        raise SettingsError(FILE_NAME, error.strerror or "it cannot be read") from error


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Args:
        **overrides: Settings that the caller decides; None means that the caller has no wish. A section takes a
            mapping: ``media={"pixels": 1_000_000}``, and the rest of the section comes from the other sources.

    Raises:
        SettingsError: A value does not fit its setting, or a setting does not exist.

    >>> load_settings(threshold=20, jobs=None).threshold
    20
    >>> load_settings(threshold=65)
    Traceback (most recent call last):
    hedgerow.errors.SettingsError: The setting threshold does not fit: Input should be less than or equal to 64.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "hedgerow"
        problem = "there is no such setting" if first["type"] == "extra_forbidden" else first["msg"]
        raise SettingsError(name, problem) from None  # the cause would show the value
    except SourceError as error:
        raise SettingsError(_named_in(str(error)), "it cannot be read as a table of settings") from None


def _named_in(message: str) -> str:
    """Find which field pydantic-settings could not parse (its message quotes the name first)."""
    parts = message.split('"')
    return parts[1] if len(parts) > 1 else "hedgerow"
