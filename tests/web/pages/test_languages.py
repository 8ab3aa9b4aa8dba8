"""Every sentence that people read is in every catalogue, and a page in another language has no English left over."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

import pytest
from jinja2 import Environment
from tests.web.languages import ROOT, Texts, left_over, words
from tests.web.pages.conftest import Browser

from hedgerow import errors
from hedgerow.accounts import Role
from hedgerow.web.pages import words_of_errors
from hedgerow.web.pages.language import LANGUAGES, locale_of, words_of
from hedgerow.web.problems import answer_to
from hedgerow.web.routes import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from hedgerow.accounts import User

pytestmark = pytest.mark.sqlite_file
PAGES: Final = ROOT / "src/hedgerow/web/pages"
TEMPLATES: Final = sorted((PAGES / "templates").glob("*.html"))
OTHERS: Final = [tag for tag in LANGUAGES if tag != "en"]
# What is the same in every language: names, keys, and what stands on the wire.
NAMES: Final = re.compile(
    r"Hedgerow|Ctrl|Enter|HTTP|Request-ID|MD5|SHA-1|SHA-256|RFC|UTC|CSV|JSON|ms|hedgerow [a-z -]+|docs/[a-z/-]+\.md|"
    r"\baria-[a-z]+=\"[^\"]*\""
)
# Words of programs that happen to look like sentences.
LITERALS: Final = frozenset({"NOT STATED", "as is"})
DOORS: Final = ("/api/", "/h/", "/m/", "/c/", "/dev/", "/status", "/metrics", "/healthz", "/readyz", "/openapi.json")


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_in_the_catalogue_with_its_names_and_nothing_else_is(language: str) -> None:
    assert list(words().missing(language)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_is_written_as_the_script_writes_it(language: str) -> None:
    script = words()
    assert (script.FOLDER / f"{language}.po").read_text("utf-8") == script.brought_up(language)


@pytest.mark.parametrize("language", OTHERS)
def test_each_number_has_its_form(language: str) -> None:
    one, many = "%(num)s case is overdue.", "%(num)s cases are overdue."
    said = [words_of(language).ngettext(one, many, number) for number in range(4)]
    assert said[0] == said[2] == said[3] != said[1]
    assert not {one, many} & {*said}
    assert locale_of(language).language == language


def _lexed(path: Path) -> list[tuple[int, str, str]]:
    # The block `width` holds words of the style sheet.
    text = re.sub(r"\{% block width %\}.*?\{% endblock %\}", "", path.read_text("utf-8"))
    return list(Environment(trim_blocks=True, lstrip_blocks=True, autoescape=True).lex(text))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_that_the_catalogues_do_not_hold(path: Path) -> None:
    markup = [value if kind == "data" else "0" for _, kind, value in _lexed(path) if kind in {"data", "variable_end"}]
    said = [NAMES.sub("", each) for each in Texts("".join(markup)).found]
    assert [each for each in said if re.search(r"[A-Za-z]{2}", each)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_translates_literals_alone_and_calls_nothing_safe(path: Path) -> None:
    tokens = [each for each in _lexed(path) if each[1] not in {"whitespace", "data"}]
    for at, (line, kind, value) in enumerate(tokens):
        before = [each[2] for each in tokens[max(0, at - 2) : at]]
        after = [each[1] for each in tokens[at + 1 : at + 3]]
        if kind == "name" and value in {"_", "gettext", "ngettext"} and after[:1] == ["operator"]:
            assert after[1] == "string", (path.name, line)
        if kind == "name" and before[-1:] == ["|"]:
            assert value != "safe", (path.name, line)
        if kind == "string" and re.search(r"[A-Za-z]{2,} [A-Za-z]|^.[A-Z][a-z]", value):
            is_translated = before in (["_", "("], ["ngettext", "("]) or (
                before[-1:] == [","] and [each[2] for each in tokens[max(0, at - 4) : at - 2]] == ["ngettext", "("]
            )
            is_code = value.strip("'\"") in LITERALS or re.fullmatch(r"['\"] ?[a-z-]+=.*|.*[/.].*", value)
            assert is_translated or is_code, (path.name, line, value)


def _sentences_of(tree: ast.AST) -> Iterator[str]:
    """Go through what looks like a sentence for people in a module, and is not marked."""
    passed: set[int] = set()
    for node in ast.walk(tree):
        is_documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        body = getattr(node, "body", None)
        for each in body if isinstance(body, list) and (is_documented or body) else ():
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
                passed.add(id(each.value))
        is_said_elsewhere = isinstance(node, ast.Raise | ast.Assert) or (
            isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"marked", "Field", "Query", "Path"}
        )
        if is_said_elsewhere:
            passed |= {id(each) for each in ast.walk(node)}
        said = node.value if isinstance(node, ast.Constant) and id(node) not in passed else None
        if isinstance(said, str) and re.match(r"[A-Z][a-z]*(?: [a-z]+){2,}", said):
            yield said


# What words of programs mean (`/problems/…`) is said in English, as in the errors themselves.
@pytest.mark.parametrize("path", sorted({*PAGES.glob("*.py")} - {PAGES / "explaining.py"}), ids=lambda path: path.name)
def test_a_module_marks_what_a_page_says(path: Path) -> None:
    assert list(_sentences_of(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize("path", sorted((PAGES / "static").glob("*.js")), ids=lambda path: path.name)
def test_a_script_says_only_what_its_page_gave_it(path: Path) -> None:
    code = re.sub(r"//[^\n]*", "", path.read_text("utf-8"))
    literals = re.findall(r'"([^"\n]*)"|`([^`]*)`', code)
    assert [each for pair in literals for each in pair if re.search(r"[A-Z][a-z]+ [a-z]+", each)] == []


def test_the_sentences_of_errors_are_what_errors_say() -> None:
    def kinds(kind: type[errors.HedgerowError]) -> Iterator[type[errors.HedgerowError]]:
        for each in kind.__subclasses__():
            yield each
            yield from kinds(each)

    said = set()
    for kind in kinds(errors.HedgerowError):
        try:
            said.add(str(kind()))  # those that take nothing
        except TypeError:
            continue
    said.add(str(errors.BreakDue(until=None)))  # type: ignore[arg-type]  # its sentence does not name the time
    said.add(_detail_of(RuntimeError()))
    assert set(words_of_errors.SENTENCES) - said == {"Some parts of the request do not fit."}


def _detail_of(error: Exception) -> str:
    detail: str = ast.literal_eval(bytes(answer_to(error).body).decode())["detail"]
    return detail


@pytest.mark.parametrize("language", OTHERS)
def test_who_is_not_logged_in_reads_the_language_that_the_browser_asks_for(app: FastAPI, language: str) -> None:
    stranger = Browser(app, **{"accept-language": f"{language}-419,{language};q=0.9,en;q=0.5"})
    refused = stranger.post("/login", {"name": "nobody", "password": "nothing"})
    for answer in (stranger.get("/login"), stranger.get("/login?note=logged_out"), refused, stranger.get("/nowhere")):
        assert Texts(answer.text).language == language
        assert left_over(answer.text, language) == []
    assert left_over(Browser(app).get("/login").text, language)  # or nothing would be found at all


@pytest.mark.parametrize("language", OTHERS)
def test_no_page_of_the_console_leaves_english_over(app: FastAPI, add_user: Callable[..., User], language: str) -> None:
    add_user("eva", *(each for each in Role if each is not Role.SERVICE))
    eva = Browser(app, **{"accept-language": language})
    eva.log_in("eva")
    asked = [
        each.path
        for each in walk(app)
        if each.method == "GET" and "{" not in each.path and not each.path.startswith(DOORS)
    ]
    assert len(asked) > 20
    for path in [*asked, "/cases?q=nothing", "/account/keys?note=kept", "/audit?since=never", "/reports?find=x"]:
        answer = eva.get(path)
        assert answer.status_code < 500, path
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert Texts(answer.text).language == language, path
            assert left_over(answer.text, language) == [], path


@pytest.mark.parametrize("language", OTHERS)
def test_somebody_chooses_the_language_and_it_stays(browser: Browser, ada: User, language: str) -> None:
    browser.log_in()
    assert Texts(browser.get("/").text).language == "en"
    assert browser.send("/account/keys", language=language, uses_keys="on").status_code == 303
    assert Texts(browser.get("/").text).language == language
    browser.send("/logout")
    assert Texts(browser.get("/login").text).language == "en"  # whose page that is nobody knows
    browser.log_in()
    shown = browser.get("/account/keys").text
    assert Texts(shown).language == language
    assert f'<option value="{language}" lang="{language}" selected>' in shown
    browser.send("/account/keys", language="", uses_keys="on")
    assert Texts(browser.get("/").text).language == "en"
