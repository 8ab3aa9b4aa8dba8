"""The cookie by which a person's browser shows its session, and the proof that a form is of that session.

Over https the cookie is ``__Host-hedgerow``: a browser takes it from this host alone, over TLS alone, for every path.
On this machine itself (``http://localhost``) there is no TLS, and it is ``hedgerow``. It is ``SameSite=Strict``: a
browser sends it with nothing that another site began. A login always makes a new session, and no cookie that a browser
shows ever becomes one, so that nobody can slip somebody else a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.errors import FormRefused, InvalidRequest, PlainConnection, RequestTooLarge

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = [
    "CSRF_FIELD",
    "CSRF_HEADER",
    "SAFE_METHODS",
    "base_address",
    "check_same_site",
    "forget_cookie",
    "form_of",
    "is_https",
    "is_of_this_machine",
    "keep_cookie",
    "session_token",
    "shown_cookie",
    "shown_form_token",
]

CSRF_FIELD: Final = "csrf_token"
CSRF_HEADER: Final = "x-csrf-token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_COOKIE: Final = "hedgerow"
_FORM: Final = "application/x-www-form-urlencoded"
# The longest form is a decision: a note of 10,000 characters, of up to twelve bytes each as forms write them.
_LONGEST_FORM_BYTES: Final = 131_072
_MOST_FIELDS: Final = 100
_SAME_SITE: Final = frozenset({"same-origin", "none"})


# ── where people come from ───────────────────────────────────────────────────────────────────────────────────────


def is_https(request: Request) -> bool:
    """Tell whether the browser speaks TLS, with us or with a proxy before us."""
    public = request.app.state.service.settings.server.public_url or ""
    return bool(public.startswith("https://") or request.url.scheme == "https")


def is_of_this_machine(request: Request) -> bool:
    """Tell whether the browser calls us by a name that only its own machine answers to."""
    name = (urlsplit(f"//{request.headers.get('host', '')}").hostname or "").rstrip(".")
    return name in {"localhost", "::1"} or (name.startswith("127.") and name.replace(".", "").isdigit())


def base_address(request: Request) -> str:
    """Return the address under which people reach the service, without a slash at the end.

    Raises:
        PlainConnection: Others could read along.
    """
    public: str | None = request.app.state.service.settings.server.public_url
    host = request.headers.get("host", "")
    address = f"{request.url.scheme}://{host}" if public is None else public.rstrip("/")
    if not is_https(request) and not is_of_this_machine(request):
        raise PlainConnection
    return address


def check_same_site(request: Request) -> None:
    """Let a form pass that a page of ours sent, before there is a session that could prove it.

    Browsers say where a form comes from (``Sec-Fetch-Site``; older ones ``Origin``), and no page can say otherwise.
    What says neither is no browser of these years, and no page of another site made it send anything.

    Raises:
        FormRefused: It says that another site made it.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in _SAME_SITE:
            raise FormRefused
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise FormRefused


# ── the cookie ───────────────────────────────────────────────────────────────────────────────────────────────────


def _name(request: Request, name: str) -> str:
    return f"__Host-{name}" if is_https(request) else name


def session_token(request: Request) -> str | None:
    """Return the token of the session that a browser shows, or None."""
    return request.cookies.get(_name(request, _COOKIE)) or None


def shown_cookie(request: Request, name: str) -> str:
    """Return another cookie of ours; empty where there is none."""
    return request.cookies.get(_name(request, name), "")


def keep_cookie(
    request: Request,
    response: Response,
    token: str,
    *,
    name: str = _COOKIE,
    lifetime_s: float | None = None,
    is_strict: bool = True,
) -> None:
    """Let a browser keep a token: a session's until it is closed, where nothing else is said.

    Args:
        request: Whose answer it is.
        response: Carries it.
        token: What the browser keeps.
        name: Which cookie.
        lifetime_s: For how many seconds.
        is_strict: Whether the browser keeps it to itself when another site leads to us.
    """
    response.set_cookie(
        _name(request, name),
        token,
        max_age=None if lifetime_s is None else round(lifetime_s),
        path="/",
        secure=is_https(request),
        httponly=True,
        samesite="strict" if is_strict else "lax",
    )


def forget_cookie(request: Request, response: Response, *, name: str = _COOKIE) -> None:
    """Let a browser forget a token."""
    response.delete_cookie(_name(request, name), path="/", secure=is_https(request), httponly=True, samesite="strict")


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def form_of(request: Request) -> dict[str, str]:
    """Read a form, once however often it is asked for.

    Raises:
        InvalidRequest: It is none, or a field came twice.
        RequestTooLarge: No form of ours has so many bytes.
    """
    read: dict[str, str] | None = getattr(request.state, "form", None)
    if read is not None:
        return read
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise InvalidRequest("it is no form")
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > _LONGEST_FORM_BYTES:
            raise RequestTooLarge(_LONGEST_FORM_BYTES)
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise InvalidRequest("it is no form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidRequest("a field came twice")
    request.state.form = fields
    return fields


async def shown_form_token(request: Request) -> str:
    """Return what a request shows to prove that a page of this session made it; empty where it shows nothing."""
    header = request.headers.get(CSRF_HEADER)
    if header is not None:
        return header
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return ""
    return (await form_of(request)).get(CSRF_FIELD, "")
