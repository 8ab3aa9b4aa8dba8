"""Whatever people, partners and platforms write is text on every page, and nothing but text."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.console.conftest import SECRET, House, picture
from tests.web.console.furnishing import ENVIRONMENT, Fields, Furnished, furnish
from tests.web.links import followed, shape

from hedgerow.simulators.cybertipline import CyberTiplineSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MARKUP = (
    "<script>document.title='broken'</script>",
    "<img src=x onerror=document.title='broken'>",
    '"><img src=x onerror="document.title=\'broken\'">',
    "'><svg onload='document.title=\"broken\"'>",
    "<svg><script>document.title='broken'</script></svg>",
    "\" autofocus onfocus=\"document.title='broken'",
    "' onmouseover='document.title=\"broken\"",
    "</textarea><script>document.title='broken'</script>",
    "</title><script>document.title='broken'</script>",
    "</script><script>document.title='broken'</script>",
    "--><iframe src=javascript:parent.document.title='broken'>",
    "<a href=javascript:document.title='broken'>press</a>",
    "javascript:document.title='broken'",
    "data:text/html,<script>parent.document.title='broken'</script>",
    "<meta http-equiv=refresh content='0;url=//elsewhere.example'>",
    "<base href=//elsewhere.example/>",
    "<form action=//elsewhere.example><button>press</button>",
    "<style>body{display:none}</style>",
    "<details open ontoggle=document.title='broken'>",
    "{{ 7 * 7 }}{% raise %}${7*7}<%= 7*7 %>#{7*7}",
    "%(n)s %s %d %% {0} {name!r} %",
    "&lt;b&gt; &amp;amp; &#60;script&#62;",
    "before\u2028after\u2029end",
    "\u202egnp.gpj\u202c \u200b\ufeff",
    "<!--<img src=--><img src=x onerror=document.title='broken'//>",
    "\\u003cscript\\u003e \\x3cscript\\x3e \\'\\\"",
    '=HYPERLINK("//elsewhere.example")',
)
"""Each is known to have got out of a text somewhere: elements, attributes, addresses, templates, catalogues, lines."""
COUNT = range(len(MARKUP))
FOREIGN = """
() => {
  const found = [];
  for (const each of document.querySelectorAll("*")) {
    const name = each.localName;
    const address = ["src", "href", "action", "formaction", "data", "poster"].map((one) => each.getAttribute(one));
    if ([...each.attributes].some((one) => one.name.startsWith("on") || one.name === "style" || one.name === "srcdoc")
      || ["iframe", "object", "embed", "base", "style", "applet"].includes(name)
      || (name === "script" && !(/^\\/static\\//.test(each.getAttribute("src")) && !each.textContent))
      || (name === "img" && !/^\\/(media|first-run\\/picture)\\//.test(each.getAttribute("src")))
      || (name === "meta" && each.httpEquiv)
      || address.some((one) => one && !/^(\\/(?!\\/)|[#?]|otpauth:)/.test(one))
      || (each.namespaceURI.endsWith("svg") && ["script", "foreignObject", "a", "animate", "set"].includes(name)))
      found.push(each.outerHTML.slice(0, 200));
  }
  return found;
}
"""
# As text, or as the value of a field that is filled in with it; spaces are those of a page.
TEXT = """
() => [document.body.textContent, document.title,
  ...[...document.querySelectorAll("input, textarea, option")].map((each) => each.value),
  ...[...document.querySelectorAll("[aria-label], [title], [alt]")].flatMap((each) =>
    ["aria-label", "title", "alt"].map((name) => each.getAttribute(name) || ""))].join("\\n")
"""
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


class Words:
    """Gives each field one after another of `MARKUP`, and knows what it gave."""

    def __init__(self) -> None:
        self.given: dict[str, list[str]] = {}
        self._count = 0

    def __call__(self, field: str, longest: int = 10_000) -> str:
        self._count += 1
        # Another step than the number of calls in one round, so that each field gets others in another furnished house
        text = MARKUP[(7 * self._count) % len(MARKUP)]
        if field == "file name":
            text = "'><img src=x onerror=alert`1`>.txt"  # no folder, no drive
        elif field == "webhook path":
            text = "\"'><img/src=x/onerror=alert`1`>%0d%0ax:y"
        elif field in {"display name", "custodian", "field of a report"} and not text.isprintable():
            text = MARKUP[0]
        text = text[:longest]
        self.given.setdefault(field, []).append(text)
        return text


@pytest.fixture(scope="module")
def house(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a house whose own settings hold markup too."""
    data = shutil.copytree(migrated, tmp_path_factory.mktemp("house") / "data")
    with CyberTiplineSimulator(user="esp", password=SECRET) as simulator:
        made = House(
            data,
            simulator,
            **ENVIRONMENT,
            HEDGEROW_REPORTS_COMPANY_TEMPLATE=MARKUP[2],
            HEDGEROW_REPORTS_TERMS_OF_SERVICE=MARKUP[7],
            HEDGEROW_OIDC_NAME=MARKUP[1],
        )
        made.start()
        yield made
        made.stop()


@pytest.fixture(scope="module")
def words() -> Words:
    return Words()


@pytest.fixture(scope="module")
def furnished(house: House, words: Words) -> Iterator[Furnished]:
    """Give a house with markup in every field, and beside it a case for each of `MARKUP`."""
    with furnish(house, words) as made:
        lea = made.people["lea"]
        for number, text in enumerate(MARKUP):
            sent = house.screen(
                picture(1 + 2 * (number % 2)),  # of the second one somebody has said that it is no match
                account=f"{number} {MARKUP[number % 5]}",
                content_id=f"{number} {text}",
                surface=text[:100],
                text_context=text,
            )
            made.cases[f"markup {number}"] = sent["case"]["number"]
        for number, text in enumerate(MARKUP):
            case = made.cases[f"markup {number}"]
            lea.take(case)
            lea.send(f"/cases/{case}/text", submission=Fields(lea.get(f"/cases/{case}")).hidden["submission"])
            lea.tell(f"/cases/{case}/draft", {"note": text, "reason": text})
        yield made


def flat(text: str) -> str:
    return " ".join(text.split())


def addresses(furnished: Furnished) -> dict[str, list[str]]:
    """Return for each person one page of each kind; and every case, report and piece of evidence once."""
    found: dict[str, list[str]] = {}
    kinds: set[str] = set()
    for name in ("lea", "cus", "ada", "apo", "rey", "mel", "ana"):
        led = [path for path, _ in followed(furnished.people[name].ask) if shape(path) not in kinds]
        kinds |= {shape(path) for path in led}
        found[name] = led
    told = ("said", "many", "wrong", "escalated", "opinion", "aside", "undo", *(f"markup {each}" for each in COUNT))
    found["lea"] += [f"/cases/{furnished.cases[name]}" for name in told]
    found["lea"] += [f"/cases/{furnished.cases[name]}/timeline" for name in ("wrong", "aside", "undo")]
    found["lea"] += [f"/banks/known/entries/{number}" for number in range(1, 5)]
    found["lea"] += [f"/exchanges/{name}" for name in ("STUCK", "STOPPED", "PARTNER", "TOLD")]
    found["lea"] += ["/sharing/for-friends"]
    found["apo"] += [f"/reports/{number}" for number in furnished.reports.values()]
    found["apo"] += [f"/reports/{furnished.reports['draft']}/preview"]
    found["rey"] += [f"/cases/{furnished.cases['said']}"]
    found["rey"] += [
        f"/reports/{furnished.reports['draft']}/edit?at={at}" for at in ("personOrUserReported[1]", "report")
    ]
    found["cus"] += [f"/evidence/requests/{number}" for number in (1, 2, 3, 4)]
    found["cus"] += [f"/evidence/{number}" for number in range(1, 8)]
    found["ada"] += ["/audit?kind=case", "/audit?kind=hold", "/audit?kind=user"]
    return found


def test_markup_in_every_field_is_text_on_every_page(
    furnished: Furnished, words: Words, visit: Callable[..., Any]
) -> None:
    shown = ""
    for who, paths in addresses(furnished).items():
        with visit(who) as page:
            page.add_init_script(LISTEN)
            page.on("dialog", lambda dialog: pytest.fail(dialog.message))
            for path in dict.fromkeys(paths):
                answer = page.goto(furnished.house.base + path)
                assert answer.status == 200, path
                assert page.url.startswith(furnished.house.base), path
                assert page.evaluate(FOREIGN) == [], path
                assert page.title() != "broken", path
                assert page.title().endswith(" · Hedgerow"), path
                assert page.evaluate("window.violations") == [], path
                shown += flat(page.evaluate(TEXT)) + "\n"
    missing = {field: texts for field, texts in words.given.items() if not all(flat(each) in shown for each in texts)}
    assert missing == {}
    assert [text for text in MARKUP if flat(text) not in shown] == []


def test_what_is_refused_comes_back_as_text(furnished: Furnished, visit: Callable[..., Any]) -> None:
    """Names that hold no markup are refused with the markup in their fields, and in what is said of it."""
    from tests.web.console.test_everywhere import SEND  # noqa: PLC0415  (of this test alone)

    with visit("lea") as page:
        page.add_init_script(LISTEN)
        for path, name in (("/banks", "name"), ("/exchanges", "name"), ("/banks/known/add/signals", "signals")):
            for markup in MARKUP[:10]:
                with page.expect_navigation():
                    page.evaluate(SEND, [path, {name: markup, "kind": "sample", "threshold": markup}])
                assert page.evaluate(FOREIGN) == []
                assert page.evaluate("window.violations") == []
                assert page.title() != "broken"
                assert flat(markup) in flat(page.evaluate(TEXT)), (path, markup)


def test_a_name_of_a_file_takes_nothing_from_what_was_typed(furnished: Furnished) -> None:
    """Whatever is asked for, the headers of a download are ours."""
    ada, ana = furnished.people["ada"], furnished.people["ana"]
    for typed in ('2026-01-01"\r\nset-cookie: a=b', "2026-01-01\nx: y", '"; filename="evil.html', "../../etc/passwd"):
        refused = ana.send("/insight/export", 422, first=typed, last="2026-01-31", **{"as": typed})
        assert "content-disposition" not in refused.headers
        assert "set-cookie" not in refused.headers
        assert "content-disposition" not in ada.send("/audit/export", 422, first=typed).headers
    taken = ana.send("/insight/export", 200, first="2026-01-01", last="2026-01-31", **{"as": 'x"\r\na: b'})
    assert taken.headers["content-disposition"] == 'attachment; filename="transparency-2026-01-01-2026-01-31.csv"'
