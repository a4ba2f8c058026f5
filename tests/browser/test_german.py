"""Every page in German: no fault, no English text that the catalogue knows, nothing wider than a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser.at_browser import IS_TOO_WIDE, PHONE
from tests.browser.every_page import walk
from tests.console.words import PLACEHOLDER, catalogue

# Opens every page, as the pictures do, and takes minutes: part of `make test-all`.
pytestmark = [pytest.mark.pictures, pytest.mark.slow, pytest.mark.timeout(600)]

TEXTS = """() => {
  const found = [], walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest("script, style, code, pre, [lang]:not(html), option"))
    found.push(walker.currentNode.data);
  for (const name of ["aria-label", "title", "placeholder", "data-label", "alt"])
    for (const one of document.querySelectorAll(`[${name}]`)) found.push(one.getAttribute(name));
  return found.map((text) => text.replace(/\\s+/g, " ").trim()).filter(Boolean);
}"""
SHORTEST = 6
"""Of what stands between placeholders: below it a pattern fits anything."""


class English:
    """What would be English on a German page: each text of the catalogue that German says otherwise."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.patterns: list[re.Pattern[str]] = []
        german = {form for entry in catalogue("de") for form in entry.forms}
        for entry in catalogue("de"):
            for said in filter(None, (entry.message.text, entry.message.plural)):
                if said in german:
                    continue
                if not PLACEHOLDER.search(said):
                    self.texts.add(" ".join(said.split()))
                elif len(PLACEHOLDER.sub("", said).strip()) >= SHORTEST:
                    parts = (re.escape(part) for part in PLACEHOLDER.split(" ".join(said.split())))
                    self.patterns.append(re.compile(".+".join(parts)))

    def is_said_by(self, text: str) -> bool:
        return text in self.texts or any(pattern.fullmatch(text) for pattern in self.patterns)


def sits_down(chromium, demo, who: str) -> Page:
    """Somebody of the demonstration at a telephone that asks for German, signed in."""
    context = chromium.new_context(
        base_url=demo.mandate.url, locale="de-AT", viewport={"width": PHONE[0], "height": PHONE[1]}
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("/account/login/")
    address = next(address for address in demo.passwords if address.startswith(who))
    page.fill("input[name=login]", address)
    page.fill("input[name=password]", demo.passwords[address])
    page.get_by_role("button", name="Anmelden", exact=True).click()
    page.wait_for_url(lambda url: "/account/login/" not in url)
    return page


OWN_NAMES = {"organisation-details": frozenset({"until"})}
"""By route, what a resource has named so itself (a member of its type of details): shown as it was registered."""


@pytest.mark.parametrize("who", ["mara.keller", "jonas.weber", "ana.duarte"])
def test_every_page_is_german_and_fits_a_telephone(chromium, demo, who):
    english = English()
    assert english.is_said_by("Sign in")
    assert english.is_said_by("Discharge Assistant asks to act for you")
    page = sits_down(chromium, demo, who)
    faults = []
    pages, _ = walk(page.context)
    for found in pages:
        if found.number > 1 or found.route == "styleguide":
            continue
        answer = page.goto(found.path)
        assert answer is not None
        if answer.status >= 500:
            faults.append(f"{found.label}: {answer.status}")
        if page.locator("html").get_attribute("lang") != "de":
            faults.append(f"{found.label}: not in German")
        if wide := page.evaluate(IS_TOO_WIDE):
            faults.append(f"{found.label} scrolls sideways: {wide}")
        own = OWN_NAMES.get(found.route, frozenset())
        said = (text for text in page.evaluate(TEXTS) if text not in own)
        faults += [f"{found.label} says {text!r}" for text in said if english.is_said_by(text)]
    page.context.close()
    assert len(pages) > 20
    assert not faults, "\n".join(faults)
