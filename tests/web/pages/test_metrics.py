"""Metrics, the log, and what every answer carries of them."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hedgerow import accounts
from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.app.counting import BUCKETS_S, Counts
from hedgerow.app.exchanges import Exchanges
from hedgerow.app.logs import JsonLines, TextLines, log_request, set_up_logging
from hedgerow.errors import DatabaseUnavailable
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.database import Database

IDS = re.compile(r"\d{2,}|[0-9a-f]{16}|hgk_|@")


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def key(database: Database) -> Callable[..., dict[str, str]]:
    def make(*scopes: str) -> dict[str, str]:
        with database.write() as connection:
            text = accounts.create_key(connection, "tests", scopes=scopes, actor="cli", now=now()).text
        return {"authorization": f"Bearer {text}", "accept": "text/plain"}

    return make


@pytest.mark.sqlite_file
def test_metrics_ask_for_a_key_wherever_the_request_comes_from(
    browser: Any, key: Callable[..., dict[str, str]], ada: User, add_user: Callable[..., User]
) -> None:
    plain = {"accept": "text/plain"}
    for address in ("127.0.0.1", "::1", "192.0.2.7"):  # a proxy on this machine makes everybody come from here
        assert browser.get("/metrics", headers=plain, address=address).status_code == 401
    assert browser.get("/metrics", headers=key("match")).status_code == 403
    assert browser.get("/metrics", headers=key("metrics.read")).status_code == 200
    browser.log_in()
    assert browser.get("/metrics").status_code == 200
    add_user("robin", Role.REVIEWER)
    browser.cookies.clear()
    browser.log_in("robin")
    assert browser.get("/metrics").status_code == 403


@pytest.mark.sqlite_file
def test_metrics_are_public_where_it_is_set_so(serve: Callable[..., FastAPI], browser: Any) -> None:
    open_to_all = type(browser)(serve(server={"metrics_public": True}))
    assert open_to_all.get("/metrics").headers["content-type"].startswith("text/plain")


def test_the_figures_are_those_of_the_records(
    browser: Any, app: FastAPI, key: Callable[..., dict[str, str]], actions: Callable[[], list[str]]
) -> None:
    app.state.service.counts.count_screened("review")
    app.state.service.counts.count_lookup(is_found=True)
    found = samples(browser.get("/metrics", headers=key("metrics.read")).text)
    assert found["hedgerow_database_up", ()] == 1
    assert found["hedgerow_audit_sequence", ()] == len(actions())
    assert found["hedgerow_screenings_total", (("outcome", "review"),)] == 1
    assert found["hedgerow_lookups_total", (("result", "found"),)] == 1
    assert found["hedgerow_cases_open", (("queue", "known"), ("state", "waiting"))] == 0
    assert found["hedgerow_cases_overdue", (("queue", "qa"),)] == 0
    assert found["hedgerow_outbox_waiting", ()] == found["hedgerow_outbox_given_up", ()] == 0
    assert found["hedgerow_index_quarantined_rows", ()] == 0
    assert found["hedgerow_shield_questions_waiting", ()] == 0


def test_each_exchange_is_told_by_its_name_and_what_it_needs(
    browser: Any, app: FastAPI, database: Database, key: Callable[..., dict[str, str]]
) -> None:
    asked = Exchanges(app.state.service)
    asked.create("INTIMATE", "stop_ncii", {"environment": "production"}, actor="cli")
    asked.create("PICTURES", "sample", {}, actor="cli")
    end = asked.fetch_now("PICTURES")
    assert end is not None
    app.state.service.matcher.load()
    app.state.service.matcher.refresh()
    found = samples(browser.get("/metrics", headers=key("metrics.read")).text)
    intimate, pictures = (("exchange", "INTIMATE"),), (("exchange", "PICTURES"),)
    assert 0 <= found["hedgerow_exchange_success_age_seconds", pictures] < 3_600
    assert ("hedgerow_exchange_success_age_seconds", intimate) not in found
    assert found["hedgerow_exchange_entries", pictures] == end.applied.added > 0
    assert found["hedgerow_exchange_pages_quarantined", pictures] == 0
    assert found["hedgerow_exchange_opinions_waiting", pictures] == 0
    needs = {
        dict(labels)["need"]: value
        for (name, labels), value in found.items()
        if name == "hedgerow_exchange_needs_person" and dict(labels)["exchange"] == "INTIMATE"
    }
    assert {need for need, value in needs.items() if value} == {"credentials", "arming"}
    assert set(needs) == {
        *("stopped", "unreadable", "credentials", "arming", "out_of_date", "failed", "refused"),
    }


@pytest.mark.sqlite_file
def test_requests_are_counted_by_the_route_as_it_is_written(browser: Any, key: Callable[..., dict[str, str]]) -> None:
    for path in ("/welcome/secret-1", "/welcome/secret-2", "/nowhere/17", "/api/v1/submissions/4711", "/login"):
        browser.get(path)
    browser.ask("BREW", "/login")
    text = browser.get("/metrics", headers=key("metrics.read")).text
    found = samples(text)

    def count(route: str, status: int, method: str = "GET") -> float:
        labels = (("method", method), ("route", route), ("status", str(status)))
        return found["hedgerow_http_requests_total", labels]

    assert count("/welcome/{token}", 410) == 2
    assert count("unmatched", 404) == 1
    assert count("/api/v1/submissions/{number}", 401) == 1
    assert count("/login", 200) == 1
    assert any(("method", "other") in labels for _, labels in found)
    assert found["hedgerow_http_request_seconds_count", (("route", "/welcome/{token}"),)] == 2
    assert "secret" not in text


@pytest.mark.sqlite_file
def test_no_label_holds_an_id_a_name_or_an_address(browser: Any, ada: User, key: Callable[..., dict[str, str]]) -> None:
    browser.log_in()
    browser.get("/account/sessions/123456/end")
    text = browser.get("/metrics", headers=key("metrics.read")).text
    for name, labels in samples(text):
        for label, value in labels:
            if label not in {"le", "status", "version"}:
                assert not IDS.search(value), (name, label, value)
                assert "ada" not in value


@pytest.mark.sqlite_file
def test_metrics_are_there_while_the_database_is_not(
    serve: Callable[..., FastAPI], browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = serve(server={"metrics_public": True})

    def broken() -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(app.state.service.database, "read", broken)
    answer = type(browser)(app).get("/metrics")
    assert answer.status_code == 200
    found = samples(answer.text)
    assert found["hedgerow_database_up", ()] == 0
    assert ("hedgerow_audit_sequence", ()) not in found


@pytest.mark.sqlite_file
def test_two_applications_in_one_process_count_each_for_itself(serve: Callable[..., FastAPI], browser: Any) -> None:
    first, second = (type(browser)(serve(server={"metrics_public": True})) for _ in range(2))
    first.get("/login")
    labels = (("method", "GET"), ("route", "/login"), ("status", "200"))
    assert samples(first.get("/metrics").text)["hedgerow_http_requests_total", labels] == 1
    assert ("hedgerow_http_requests_total", labels) not in samples(second.get("/metrics").text)


def test_the_durations_of_a_histogram_add_up() -> None:
    counts = Counts()
    with counts.hashing():
        assert counts.hashing_now == 1
    counts.hashed.add(1e9)
    assert counts.hashing_now == 0
    assert sum(counts.hashed.counts) == 2
    assert counts.hashed.counts[len(BUCKETS_S)] == 1


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.sqlite_file
def test_every_answer_carries_a_name_of_its_own_under_which_it_stands_in_the_log(
    serve: Callable[..., FastAPI], browser: Any, caplog: pytest.LogCaptureFixture, key: Callable[..., dict[str, str]]
) -> None:
    caplog.set_level(logging.INFO, "hedgerow.requests")
    loud = type(browser)(serve(server={"log_requests": "all"}))
    answers = [
        loud.get("/login?to=/private-path"),
        loud.get("/nowhere/private"),
        loud.get("/api/v1/submissions/7?private=1", headers=key("screen")),
    ]
    names = [each.headers["x-request-id"] for each in answers]
    lines = [json.loads(JsonLines().format(each)) for each in caplog.records if each.name == "hedgerow.requests"]
    assert [line["request_id"] for line in lines] == names
    assert len(set(names)) == 3
    assert [line["route"] for line in lines] == ["/login", "unmatched", "/api/v1/submissions/{number}"]
    assert [line["actor"] for line in lines] == [None, None, "key:1"]
    assert [line["status"] for line in lines] == [200, 404, 404]
    assert lines[0].keys() == {
        "time", "level", "logger", "event", "request_id", "route", "method", "status", "duration_ms", "actor"
    }  # fmt: skip  # one line is enough
    assert "private" not in json.dumps(lines)
    assert "127.0.0.1" not in json.dumps(lines)


@pytest.mark.parametrize(("logged", "expected"), [("none", []), ("failed", [500]), ("all", [200, 500])])
@pytest.mark.sqlite_file
def test_which_requests_leave_a_line_is_set(
    serve: Callable[..., FastAPI],
    browser: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    logged: str,
    expected: list[int],
) -> None:
    caplog.set_level(logging.INFO, "hedgerow.requests")
    app = serve(server={"log_requests": logged})
    quiet = type(browser)(app)
    quiet.get("/healthz")
    monkeypatch.setattr(app.state.service, "readiness", lambda: 1 / 0)
    assert quiet.get("/readyz").status_code == 500
    lines = [each for each in caplog.records if each.name == "hedgerow.requests"]
    assert [each.hedgerow["status"] for each in lines] == expected


def test_a_line_says_where_the_code_failed_and_not_what_was_said() -> None:
    try:
        int("private text")
    except ValueError:
        record = logging.LogRecord("hedgerow.web", logging.ERROR, __file__, 1, "It failed.", (), sys.exc_info())
    for lines in (JsonLines(), TextLines()):
        text = lines.format(record)
        assert "private" not in text
        assert "builtins.ValueError" in text
        assert "test_metrics.py" in text
    assert json.loads(JsonLines().format(record))["message"] == "It failed."


@pytest.mark.parametrize("kind", ["text", "json"])
def test_the_log_is_set_up_once_however_often_it_is_asked(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        for _ in range(2):
            set_up_logging(load_settings(server={"log": kind}))
        log_request("0" * 16, "/login", "GET", 500, 0.01, None)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    assert ("duration_ms" in line) is (kind == "json")
