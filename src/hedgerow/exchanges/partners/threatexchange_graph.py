"""Calls to the Graph API: where the token goes, and what its envelopes of errors mean."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from hedgerow.errors import PartnerRefused
from hedgerow.exchanges.partners.threatexchange_wire import GraphError, read_document, read_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.errors import PartnerError
    from hedgerow.exchanges.http import Answer, PartnerHttp

__all__ = ["Graph", "Refused"]

_ENVELOPED: Final = frozenset({400, 401, 403, 404})
"""Statuses that the service answers with an envelope, which says more than they do."""
_LOGIN: Final = frozenset({401, 403})
_TOKEN: Final = re.compile(r"[!-~]{1,1000}")
_FORM: Final = "application/x-www-form-urlencoded"


class Refused(Exception):
    """The service answered an envelope of an error. It is none of our errors yet: some of them can be lived with.

    Args:
        error: What it says.
        status: Of HTTP.
    """

    def __init__(self, error: GraphError, status: int) -> None:
        self.error, self.status = error, status
        super().__init__(f"error {error.code}")

    def as_raised(self) -> PartnerError:
        """Return the error of ours that it is."""
        return self.error.as_raised(self.status)


class Graph:
    """Makes calls with the token of an app.

    Args:
        http: Speaks to the partner's place.
        version: Of the interface, such as ``v26.0``.
        token: The access token.
        is_in_query: Whether the token goes in the query instead of a header.
    """

    def __init__(self, http: PartnerHttp, version: str, token: str, *, is_in_query: bool = False) -> None:
        self.token = token.strip().replace("%7C", "|").replace("%7c", "|")
        self._http = http
        self._version = version
        self._is_in_query = is_in_query
        if is_in_query:
            logging.getLogger("httpx").setLevel(logging.WARNING)  # it writes addresses with what is asked of them

    def get(self, path: str, params: Mapping[str, str]) -> Any:  # noqa: ANN401  (JSON)
        """Ask for something, and return the document.

        Raises:
            ValueError: It is no JSON.
            Refused: The service answered an error of its own.
            PartnerError: What `PartnerHttp.get` raises.
        """
        answer = self._http.get(
            f"/{self._version}{path}",
            params={**params, **self._query()},
            headers={"accept": "application/json", **self._headers()},
            allowed=_ENVELOPED,
        )
        return _opened(answer)

    def post(self, path: str, form: Mapping[str, str]) -> Any:  # noqa: ANN401  (JSON)
        """Send a form, once; raises as `get` does. Nothing of it is in an address."""
        return self._send("POST", path, urlencode(form).encode())

    def delete(self, path: str) -> Any:  # noqa: ANN401  (JSON)
        """Delete something, once; raises as `get` does."""
        return self._send("DELETE", path, b"")

    def _send(self, method: str, path: str, body: bytes) -> Any:  # noqa: ANN401  (JSON)
        answer = self._http.send(
            method,
            f"/{self._version}{path}",
            body,
            params=self._query() or None,
            content_type=_FORM,
            headers={"accept": "application/json", **self._headers()},
            allowed=_ENVELOPED,
        )
        return _opened(answer)

    def _headers(self) -> dict[str, str]:
        return {} if self._is_in_query else {"authorization": f"Bearer {self._checked()}"}

    def _query(self) -> dict[str, str]:
        return {"access_token": self._checked()} if self._is_in_query else {}

    def _checked(self) -> str:
        """Return the token. One that no header can hold is not tried: the library's error would quote it."""
        if not _TOKEN.fullmatch(self.token):
            raise PartnerRefused("our access token, which is none", 401)
        return self.token


def _opened(answer: Answer) -> Any:  # noqa: ANN401  (JSON)
    try:
        document = read_document(answer.body)
    except ValueError:
        if answer.status not in _ENVELOPED:
            raise
        document = None
    error = read_error(document)
    if error is not None:
        raise Refused(error, answer.status)
    if answer.status in _ENVELOPED:
        raise PartnerRefused("our access token" if answer.status in _LOGIN else "our request", answer.status)
    return document
