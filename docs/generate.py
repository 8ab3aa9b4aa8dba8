"""Write the reference pages that follow from the code: ``make docs``, or ``python docs/generate.py``.

Every page is a function without arguments that returns its text, so that a test can compare the committed file with
what the code says now.
"""

# ruff: noqa: INP001  (a script beside the pages, no package)

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import click
from pydantic import BaseModel

import hedgerow
from hedgerow import errors, settings
from hedgerow.accounts.model import Permission
from hedgerow.accounts.rules import ROLE_PERMISSIONS, SCOPES
from hedgerow.cli import exits
from hedgerow.cli.root import COMMANDS
from hedgerow.cli.root import hedgerow as program
from hedgerow.reports.cybertipline import codes as report_codes
from hedgerow.reports.cybertipline import told
from hedgerow.reports.cybertipline.schema import load_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic.fields import FieldInfo

    from hedgerow.app.service import Service
    from hedgerow.reports.cybertipline.schema import Child, Kind, Value

DOCS = Path(__file__).resolve().parent
WIDTH = 120

_NOTICE = "<!-- Written by docs/generate.py from the code. Change the code and run `make docs`. -->"


def _page(title: str, *paragraphs: str) -> str:
    return "\n\n".join([_NOTICE, f"# {title}", *(part.strip("\n") for part in paragraphs if part)]) + "\n"


def _wrapped(text: str) -> str:
    """Fill every paragraph to the page's width."""
    parts = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return "\n\n".join(textwrap.fill(" ".join(part.split()), WIDTH, break_on_hyphens=False) for part in parts)


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _marked(text: str) -> str:
    """Turn double backticks (docstrings) into single ones (Markdown)."""
    return re.sub(r"`{1,2}([^`]+)`{1,2}", r"`\1`", text)


# ── the command line ─────────────────────────────────────────────────────────────────────────────────────────────


def cli_page() -> str:
    """Describe every command, argument, option and exit status."""
    context = click.Context(program, info_name="hedgerow", **program.context_settings)
    parts = [
        _wrapped(
            "Every command, argument and option. `hedgerow COMMAND --help` prints the same. The JSON objects that "
            "commands print are described in [json.md](json.md)."
        ),
        "## Exit status\n\n" + _table(("status", "meaning"), _exit_rows()),
        "## Options of every command\n\n" + _options(program, context),
    ]
    for name in COMMANDS:
        command = program.get_command(context, name)
        if command is not None:
            parts += _command(command, click.Context(command, info_name=name, parent=context), level=2)
    return _page("The command line", *parts)


def _exit_rows() -> list[tuple[str, str]]:
    """Read the table in the docstring of `hedgerow.cli.exits`."""
    rows = re.findall(r"^(\d+) +(.+)$", exits.__doc__ or "", re.MULTILINE)
    return [(status, meaning) for status, meaning in rows]


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"{'#' * level} {context.command_path}\n\n```text\n{context.command_path} {usage}\n```"
    yield _wrapped(command.help or "")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _command(inner, click.Context(inner, info_name=name, parent=context), level + 1)
        return
    yield _options(command, context)


def _options(command: click.Command, context: click.Context) -> str:
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            rows.append((f"`{record[0]}`", record[1].replace("  ", " ")))
    return _table(("option", "meaning"), rows)


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────

_SOURCES = """
A setting comes from the first of these that names it:

1. the command line, where a command has an option for it (`--data`, `--jobs` and, for a new bank, `--threshold` and
   `--minimum-quality`);
2. the environment: the variable in the table. An empty variable counts as not set;
3. `hedgerow.toml` in the data folder;
4. `hedgerow.toml` in the current folder;
5. the default.

A name that no setting has is refused in a file, so that a typing error cannot pass for a setting. A `hedgerow.toml`
inside a data folder cannot name another data folder. Tables of the file are the sections below:

```toml
jobs = 4
threshold = 24

[media]
seconds = 20.0

[archives]
depth = 2
```
"""


def settings_page() -> str:
    """Describe every setting: its name, variable, default, limits and meaning."""
    parts = [_SOURCES]
    own = [(name, field) for name, field in settings.Settings.model_fields.items() if not _section(field)]
    parts.append("## At the top\n\n" + _setting_table("", own))
    for name, field in settings.Settings.model_fields.items():
        section = _section(field)
        if section is not None:
            summary = _wrapped(_marked((section.__doc__ or "").strip()))
            parts.append(f"## {name}\n\n{summary}\n\n" + _setting_table(f"{name}.", list(section.model_fields.items())))
    return _page("Settings", *parts)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _setting_table(prefix: str, fields: list[tuple[str, FieldInfo]]) -> str:
    rows = []
    for name, field in fields:
        full = f"{prefix}{name}"
        variable = f"HEDGEROW_{full.replace('.', '_').upper()}"
        rows.append((f"`{full}`", f"`{variable}`", _default(field), _limits(field), field.description or ""))
    return _table(("setting", "variable", "default", "may be", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the cores that this process may use"  # jobs: another number on every machine
    value = field.default
    if value is None:
        return "none"
    return _number(value) if isinstance(value, int | float) else f"`{value}`"


def _number(value: float) -> str:
    is_size = isinstance(value, int) and value >= 1024**2 and value % 1024**2 == 0
    return f"{value:,} ({_in_units(int(value))})" if is_size else f"{value:,}"


def _in_units(value: int) -> str:
    """Write bytes in the largest unit that fits.

    >>> _in_units(512 * 1024**2)
    '512 MiB'
    """
    return f"{value // 1024**3} GiB" if value % 1024**3 == 0 else f"{value // 1024**2} MiB"


def _limits(field: FieldInfo) -> str:
    words = {"ge": "{} or more", "gt": "more than {}", "le": "up to {}"}
    found = [
        words[name].format(_number(getattr(each, name)))
        for each in field.metadata
        for name in words
        if hasattr(each, name)
    ]
    return ", ".join(found)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────

# An ordinary value for each field that an error carries, to show its sentence.
_EXAMPLES: Final[dict[str, Any]] = {
    "authority": "cybertipline",
    "environment": "production",
    "word": "not_armed",
    "looks": 40,
    "cap": 40,
    "again_at": "2026-11-23T09:12:00+00:00",
    "until": "2026-11-22T12:40:00+00:00",
    "AuthorityNotReady.problem": "Two people have to switch real reports on: `hedgerow report arm cybertipline`.",
    "InvalidReport.problem": "a file is not in the evidence of this case",
    "ReportRefused.problem": "it is filed, and no draft",
    "ApprovalRefused.problem": "who wrote any of a report cannot approve it: somebody else has to",
    "ProductionRefused.problem": "these credentials are for another system",
    "CredentialsRefused.problem": "a password is a printable text",
    "ArmingRefused.problem": "somebody else has to agree",
    "hold": "legal",
    "behind_s": 3_600.0,
    "EvidenceGone.state": "destroyed",
    "EvidenceInUse.problem": "a case that it belongs to is not closed",
    "EvidenceRequestRefused.problem": "the request is over, and waits for nobody",
    "InvalidEvidence.problem": "the name of a file has 1 to 255 characters and no folder",
    "InvalidHold.problem": "it would be over already",
    "entry": "17",
    "bank": "partner",
    "entries": 4,
    "failed": 2,
    "height": 90_000,
    "how": "signal 11",
    "key_id": "0123456789abcdef",
    "known": ("pdq", "md5", "sha1", "sha256"),
    "limit_bytes": 536_870_912,
    "limit_pixels": 100_000_000,
    "limit_s": 8.0,
    "maximum": 64,
    "name": "partner",
    "path": "uploads",
    "problem": "what was found",
    "revision": "0009",
    "row_id": 17,
    "setting": "threshold",
    "signal_type": "pdq",
    "size_bytes": 600_000_000,
    "threshold": 65,
    "total": 115,
    "what": "a video",
    "SharingDenied.what": "read this list",
    "InvalidSharing.problem": "the key 5 has not the scope sharing.read",
    "width": 90_000,
    "InvalidBankName.name": "-partner",
    "host": "report.cybertip.org",
    "UnknownSignalType.name": "phash",
    "column": "totp_secret",
    "content_id": 17,
    "permission": "media.view",
    "row": 7,
    "scope": "media.view",
    "table": "users",
    "UnknownScope.known": ("hma", "match", "screen"),
    "number": 17,
    "package": "httpx",
    "event": "claim",
    "problems": ("line 12: unknown key 'bnak'", "there is no [default]"),
    "state": "closed",
    "version": 3,
    "why": "not_public",
    "UrlRefused.problem": "its host has an address that is not public",
    "FetchFailed.problem": "the host answered 404",
    "FetchTimeout.limit_s": 60.0,
    "field": "report/additionalInfo",
    "DraftUnwritable.problem": "it holds a character that XML does not have",
    "DraftUnreadable.problem": "it has a DOCTYPE",
    "DraftInvalid.problems": ("Incident › when it happened: nobody has stated it yet. State it in the draft.",),
    "ViewedCannotBeStated.field": "fileDetails/fileViewedByEsp",
    "EvidenceSupportMissing.package": "pyrage",
    "object_name": "0123456789abcdef0123456789abcdef",
    "InvalidLookBack.problem": "it names from 1 to 1,000 entries, or none for the whole bank",
    "seconds": 300.0,
    "wait_s": 2.0,
    "CheckpointStale.problem": "another list is meant now",
    "InvalidExchange.problem": "page_size must lie in 1–5,000",
    "OpinionRefused.problem": "its entry has no such fingerprint",
    "PageUnreadable.problem": "it is no XML",
    "place": "what changed from 2026-01-01 10:00:00 UTC to 2026-01-01 10:00:01 UTC",
    "skip": "what last changed in the second before 2026-01-01 10:00:01 UTC",
    "skip_to": {},
    "PartnerRefused.problem": "our login",
    "PartnerRefused.status": 401,
    "over": None,
    "PartnerUnavailable.problem": "it does not answer",
    "retry_after_s": 120.0,
    "status": 503,
    "PluginBroken.problem": "it has no method pages",
}


def errors_page() -> str:
    """Describe every error: its place in the tree, reason, sentence, fields and exit status."""
    docstring = errors.__doc__ or ""
    tree = "\n".join(line[4:] for line in docstring.splitlines() if line.startswith("    "))
    closing = docstring.rpartition("\n\n")[2]
    parts = [
        _wrapped(
            "Every error that Hedgerow raises is a class in `hedgerow.errors`. Catch `HedgerowError` to catch all of "
            "them, or a branch to catch what one room raises."
        ),
        f"```text\n{tree}\n```",
        _wrapped(_marked(closing)),
        _wrapped(
            "For a single file the command line does not raise: the reason and the sentence stand in `unchecked` of "
            "that file's result, and the exit status is 3. Besides the reasons below, `unchecked` has `truncated`, "
            "`frame_limit` and `time_limit` for a file that was looked at in part (see [json.md](json.md))."
        ),
    ]
    in_the_order_of_the_tree = sorted(errors.HedgerowError.__subclasses__(), key=lambda each: tree.index(each.__name__))
    for branch in (errors.HedgerowError, *in_the_order_of_the_tree):
        leaves = [] if branch is errors.HedgerowError else branch.__subclasses__()
        leaves = [each for leaf in leaves for each in (leaf, *leaf.__subclasses__())]
        rows = [_error_row(each) for each in (branch, *leaves)]
        heads = ("class", "reason", "exit", "meaning", "its sentence, by example", "fields")
        parts.append(f"## {branch.__name__}\n\n" + _table(heads, rows))
    return _page("Errors", *parts)


def _error_row(kind: type[errors.HedgerowError]) -> tuple[str, ...]:
    meaning = inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
    names = [] if kind.__init__ is Exception.__init__ else [*inspect.signature(kind).parameters]
    is_leaf = "__init__" in vars(kind)
    sentence = str(kind(**{name: _example(kind, name) for name in names})) if is_leaf else ""
    fields = ", ".join(f"`{name}`" for name in names) if is_leaf else ""
    status = exits.exit_code(kind.__new__(kind))
    return f"`{kind.__name__}`", f"`{kind.reason}`", str(status), _marked(meaning), sentence, fields


def _example(kind: type[errors.HedgerowError], field: str) -> object:
    return _EXAMPLES.get(f"{kind.__name__}.{field}", _EXAMPLES[field])


# ── the library ──────────────────────────────────────────────────────────────────────────────────────────────────

_SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises")


def library_page() -> str:
    """Describe every public name of the package `hedgerow`."""
    parts = [
        _wrapped(
            "What `import hedgerow` gives. Names are loaded when they are first used, so that the import itself takes "
            "no time. [The guide](../guides/library.md) shows them at work. Names that lie in a room "
            "(`hedgerow.hashing.pool`, `hedgerow.media`, `hedgerow.banks` …) are described where they are written."
        )
    ]
    for name in hedgerow.__all__:
        thing = getattr(hedgerow, name)
        if name == "__version__":
            parts.append(f"## hedgerow.{name}\n\nThe version, as text.")
        elif inspect.ismodule(thing):
            parts.append(f"## hedgerow.{name}\n\nThe module that holds every error: see [errors.md](errors.md).")
        elif inspect.isclass(thing):
            parts += _class(name, thing)
        else:
            parts.append(_callable(f"hedgerow.{name}", thing, level=2))
    return _page("The library", *parts)


def _class(name: str, kind: type) -> Iterator[str]:
    bases = [each for each in kind.__mro__[1:] if each.__module__.startswith("hedgerow.")]
    yield _callable(f"hedgerow.{name}", kind, level=2)
    for base in bases:
        yield _docstring(base)
    for own in _public_members(kind):
        member = inspect.getattr_static(kind, own)
        if isinstance(member, property):
            yield f"### {name}.{own}\n\n" + _docstring(member)
        elif isinstance(member, classmethod | staticmethod) or inspect.isfunction(member):
            yield _callable(f"{name}.{own}", getattr(kind, own), level=3)


def _public_members(kind: type) -> list[str]:
    """Name what our own classes define, the bases' methods last; tuples' and protocols' own are left out."""
    found: dict[str, None] = {}
    for each in kind.__mro__:
        if each.__module__.startswith("hedgerow."):
            found |= {
                own: None for own, value in vars(each).items() if not own.startswith("_") and _is_documented(value)
            }
    return list(found)


def _is_documented(value: object) -> bool:
    function = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
    return inspect.isfunction(function) and bool(function.__doc__)


def _callable(name: str, function: Callable[..., object], level: int) -> str:
    signature = _signature(function)
    signature = signature.removesuffix(" -> None") if inspect.isclass(function) else signature
    line = f"{name}{signature}"
    if len(line) > WIDTH - 20:
        inner = ",\n    ".join(_arguments(signature))
        line = f"{name}(\n    {inner},\n){signature[signature.rindex(')') + 1 :]}"
    heading = f"{'#' * level} {name}"
    return f"{heading}\n\n```python\n{line}\n```\n\n{_docstring(function)}"


class _AsWritten:
    """An annotation that is shown as it stands in the source, without quotation marks."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _signature(function: Callable[..., object]) -> str:
    """Write a signature without ``self``."""

    def plain(annotation: object) -> object:
        return _AsWritten(annotation) if isinstance(annotation, str) else annotation

    signature = inspect.signature(function)
    kept = [each for name, each in signature.parameters.items() if name != "self"]
    return str(
        signature.replace(
            parameters=[each.replace(annotation=plain(each.annotation)) for each in kept],
            return_annotation=plain(signature.return_annotation),
        )
    )


def _arguments(signature: str) -> list[str]:
    """Split a signature's arguments at the commas that lie in no brackets."""
    inner = signature[1 : signature.rindex(")")]
    found, depth = [""], 0
    for character in inner:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [each.strip() for each in found]


def _docstring(thing: object) -> str:
    """Write a Google docstring as Markdown: prose, lists of arguments, examples."""
    lines = inspect.cleandoc(thing.__doc__ or "").splitlines()
    written: list[str] = []
    prose: list[str] = []
    place = 0

    def end_prose() -> None:
        if prose:
            written.append(_wrapped(_marked("\n".join(prose))))
            prose.clear()

    while place < len(lines):
        line = lines[place]
        if line.rstrip(":") in _SECTIONS and line.endswith(":"):
            end_prose()
            block = _indented(lines[place + 1 :])
            written.append(f"*{line}*\n\n" + _listed(block, is_named=line not in {"Returns:", "Yields:"}))
            place += 1 + len(block)
        elif line.startswith(">>>"):
            end_prose()
            block = []
            while place < len(lines) and lines[place].strip():
                block.append(lines[place])
                place += 1
            written.append("```pycon\n" + "\n".join(block) + "\n```")
        else:
            prose.append(line)
            place += 1
    end_prose()
    return "\n\n".join(part for part in written if part)


def _indented(lines: list[str]) -> list[str]:
    block: list[str] = []
    for line in lines:
        if line and not line.startswith(" "):
            break
        block.append(line)
    return block


def _listed(block: list[str], *, is_named: bool) -> str:
    text = textwrap.dedent("\n".join(block)).strip()
    if not is_named:
        return _wrapped(_marked(text))
    items = re.split(r"\n(?=\S)", text)
    written = []
    for item in items:
        name, _, meaning = item.partition(":")
        line = f"- `{name.strip()}`: {' '.join(_marked(meaning).split())}"
        written.append(textwrap.fill(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    return "\n".join(written)


# ── roles and permissions ────────────────────────────────────────────────────────────────────────────────────────


def permissions_page() -> str:
    """Describe every role and permission, and who has what: the one table that the service asks, too."""
    roles = list(ROLE_PERMISSIONS)
    matrix = [
        (f"`{permission}`", *("yes" if permission in ROLE_PERMISSIONS[role] else "" for role in roles))
        for permission in Permission
    ]
    return _page(
        "Roles and permissions",
        _wrapped(
            """
            What is not in this table is denied. The service asks the table itself (`hedgerow.accounts.rules`), so that
            the page cannot say anything else. A user may have several roles and may do what any of them may; everybody
            with `users.manage` sees who has which. Nobody changes their own roles.

            Three things are kept apart. Who looks after accounts and connections (`admin`) sees no media, decides about
            no case and opens no evidence. Who composes a report does not approve it. Evidence is opened when a
            `custodian` asks for it and a second person agrees. [The guide](../guides/accounts.md) shows how roles are
            given.
            """
        ),
        "## Roles\n\n" + _table(("role", "meaning"), [(f"`{role}`", role.meaning) for role in roles]),
        "## Permissions\n\n" + _table(("permission", "meaning"), [(f"`{each}`", each.meaning) for each in Permission]),
        "## Who may do what\n\n" + _table(("permission", *(f"`{role}`" for role in roles)), matrix),
        "## Scopes of API keys\n\n"
        + _wrapped(
            "A key is given some of what the role `service` may: "
            + ", ".join(f"`{each}`" for each in sorted(SCOPES))
            + "."
        ),
    )


# ── the routes of the service ────────────────────────────────────────────────────────────────────────────────────


def api_page() -> str:
    """Describe every route of `/api/v1`: what it does, and the permission that it asks for."""
    document = _openapi()
    by_tag: dict[str, list[tuple[str, ...]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/"):
                row = (f"`{method.upper()} {path}`", f"`{operation['x-permission']}`", _first_line(operation))
                by_tag.setdefault(operation["tags"][0], []).append(row)
    return _page(
        "The API",
        _wrapped(
            """
            Every route of `/api/v1`, the permission that it asks for, and what it does. Which role has which permission
            is in [permissions.md](permissions.md); an API key has the scopes that it was given.

            The whole of it, with every field, example and status, is the OpenAPI 3.1 document that the service gives at
            `/api/v1/openapi.json`.

            A program shows its key as `Authorization: Bearer hedgerow_…`, or as `X-API-Key`. Errors are problem details
            (RFC 9457): `reason` is a word for programs that never changes (see [errors.md](errors.md)), and no problem
            quotes what was sent. Lists come in pages, `{"items": […], "next": …}`: ask again with `cursor` set to
            `next`, until it is null; `limit` is 50, and 500 at most. Requests without media are at most
            `server.field_bytes` long, batches `server.batch_bytes`, media and lists `server.body_bytes`.

            A program sees how a case stands, in its own namespace, and nothing else of it: what people decided is told
            by a webhook once it has taken effect. Routes that are for people answer a key with 403 and the reason
            `person_needed`.
            """
        ),
        *(f"## {tag}\n\n" + _table(("route", "permission", "what it does"), rows) for tag, rows in by_tag.items()),
    )


def _openapi() -> dict[str, Any]:
    """Return the OpenAPI document, of a service that is none: the routes ask for one only when they are called."""
    from hedgerow.web import create_app  # noqa: PLC0415  (the other pages need no server)

    nothing = SimpleNamespace(settings=settings.Settings(), database=None, keys=None, matcher=None)
    return create_app(cast("Service", nothing)).openapi()


def _first_line(operation: dict[str, Any]) -> str:
    """Return the first sentences of what a route says of itself."""
    return " ".join(operation["description"].partition("\n\n")[0].split())


# ── the document of a report ─────────────────────────────────────────────────────────────────────────────────────


def cybertipline_page() -> str:
    """Describe every field of a CyberTipline report, the rules, and what a platform may tell."""
    schema = load_schema()
    parts = [
        _wrapped(
            """
            Every field of a report to the CyberTipline of NCMEC, in the order in which it is sent, from the table that
            composes, checks and writes it. [Reports](../concepts/reports.md) tells how a report comes to be.

            Only the type and the time of the incident and an e-mail address of the reporter are mandatory. Everything
            else makes a report more useful. `*` stands behind what there may be several of, `+` behind what there is at
            least one of, `?` behind what may be left out. Times are written with their zone.
            """
        )
    ]
    seen: set[str] = set()
    for root, kind in schema.roots.items():
        parts += _kind_tables(root, kind, seen)
    codes = sorted(name for name, words in schema.words.items() if len(words) > _FEW_WORDS)
    parts += [
        "## Codes\n\n"
        + "\n\n".join(
            _wrapped(f"`{name}`: " + ", ".join(f"`{each}`" for each in schema.words[name] if each)) for name in codes
        ),
        "## Rules\n\n"
        + _wrapped(
            """
            What the documentation asks for beyond the schema. A draft that breaks one cannot be approved; the message
            names the field and says where to mend it.
            """
        )
        + "\n\n"
        + _table(("rule", "what it asks for"), list(report_codes.RULES.items())),
        "## Tags\n\n"
        + _wrapped("A tag of a decision becomes an annotation. All other tags are for colleagues, and told to nobody.")
        + "\n\n"
        + _table(
            ("tag", "annotation", "of"),
            [(f"`{tag}`", f"`{name}`", "the files") for tag, name in report_codes.FILE_TAGS.items()]
            + [(f"`{tag}`", f"`{name}`", "the report") for tag, name in report_codes.REPORT_TAGS.items()],
        ),
        *_told_tables(),
    ]
    return _page("The CyberTipline report", *parts)


_FEW_WORDS: Final = 12
_TOLD_ABOUT: Final = (
    ("account", told.ACCOUNT_KEYS, "`context.account`, and each of `context.recipients` and `context.victims`"),
    ("file", told.FILE_KEYS, "`context` itself, about the file"),
)


def _kind_tables(name: str, kind: Kind, seen: set[str]) -> Iterator[str]:
    """Describe an element and, once each, what it holds."""
    seen.add(kind.name)
    fields: list[tuple[str, ...]] = [
        (f"`@{each.name}`{'' if each.is_required else ' ?'}", each.label, _may_be(each.value))
        for each in kind.attributes.values()
    ]
    fields += [
        (f"`{each.name}`{_how_often(each, kind)}", each.label, _what_it_holds(each.kind))
        for each in kind.children.values()
    ]
    rows = [
        row
        for row, each in zip(fields, [*kind.attributes.values(), *kind.children.values()], strict=True)
        if not getattr(each, "is_obsolete", False)
    ]
    text = "" if kind.value is None else f"Its text: {_may_be(kind.value) or 'any'}.\n\n"
    choice = "Exactly one of these.\n\n" if kind.is_choice else ""
    yield f"## {name}\n\n{text}{choice}" + _table(("field", "in plain words", "what it may be"), rows)
    for child in kind.children.values():
        if child.kind.name not in seen and (child.kind.children or child.kind.attributes):
            yield from _kind_tables(child.kind.name, child.kind, seen)


def _how_often(child: Child, kind: Kind) -> str:
    if child.is_repeated and child.advised != 1:
        return " +" if child.minimum else " *"
    return "" if child.minimum or kind.is_choice else " ?"


def _what_it_holds(kind: Kind) -> str:
    if kind.children or kind.attributes:
        return f"[{kind.name}](#{kind.name.lower()})"
    return "" if kind.value is None else _may_be(kind.value)


def _may_be(value: Value) -> str:
    kinds = {
        "boolean": "true or false",
        "int": "whole number",
        "long": "whole number",
        "double": "number",
        "date": "date",
        "dateTime": "time",
    }
    forms = {"url": "address", "ip": "IP address", "email": "e-mail address", "report id": "number of a report"}
    found = [forms.get(value.form or "", kinds.get(value.base, ""))]
    if value.is_fixed_true:
        found = ["there, or not"]
    if value.words:
        words = [each for each in value.words if each]
        found = ["one of the codes below" if len(words) > _FEW_WORDS else "; ".join(f"`{each}`" for each in words)]
    found += [f"up to {value.max_length:,} characters"] if value.max_length else []
    found += [f"`{value.pattern}`"] if value.pattern else []
    found += [f"{value.range[1]} to {value.range[2]}"] if value.range else []
    found += ["in the past"] if value.past else []
    return ", ".join(each for each in found if each)


def _told_tables() -> Iterator[str]:
    """Describe the contract with the platform."""
    yield "## What a platform may tell\n\n" + _wrapped(
        """
        In the `context` of a submission. Each key is read as the field beside it, and only if it would be accepted
        there; what does not fit is left out of the draft, with a note that names the key. Keys that are not listed are
        the platform's own. `ip_event` of a submission is read like one of `ip_events`, and is an Upload unless it says
        what else it is. `context.page_url` is where on the web it was seen.
        """
    )
    for name, keys, where in _TOLD_ABOUT:
        rows = [
            (
                f"`{key.name}`",
                key.meaning,
                f"`{key.field.replace('person/', '…Person/')}`",
                f"[{key.parts}](#parts)" if key.parts else "",
            )
            for key in keys
        ]
        yield f"### {name}\n\n{_wrapped(f'Of {where}.')}\n\n" + _table(
            ("key", "meaning", "field", "its own keys"), rows
        )
    rows = [
        (f"`{part}`", ", ".join(f"`{key}` ({target.strip('#@')})" for key, target in keys.items()))
        for part, keys in told.PARTS.items()
    ]
    yield "### Parts\n\n" + _table(("part", "keys, each with its field"), rows)


PAGES: Final[dict[str, Callable[[], str]]] = {
    "reference/cli.md": cli_page,
    "reference/settings.md": settings_page,
    "reference/errors.md": errors_page,
    "reference/library.md": library_page,
    "reference/permissions.md": permissions_page,
    "reference/api.md": api_page,
    "reference/cybertipline.md": cybertipline_page,
}
"""Each generated page, by its path below ``docs``."""


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        path = DOCS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(), "utf-8")
        sys.stdout.write(f"{path.relative_to(DOCS.parent)}\n")


if __name__ == "__main__":
    main()
