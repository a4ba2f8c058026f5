"""Somebody at a browser: what they do there in words of the pages, and everything that went wrong on the way."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, expect

from tests.builders import PASSWORD
from tests.services.chromium import axe_script
from tests.services.processes import until

WIDE, PHONE, SMALLEST = (1280, 900), (390, 844), (320, 640)
REPORT_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.effectiveDirective} refused ${event.blockedURI} ${event.sample}`))"""
IS_TOO_WIDE = """() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth) return "";
  const wide = [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > page.clientWidth + 1);
  return wide.slice(-3).map((one) => one.outerHTML.slice(0, 120)).join(" … ") || "something beside <main>";
}"""
RUN_AXE = """(rules) => axe.run(document, {resultTypes: ["violations"], ...rules}).then((found) => found.violations.map((one) =>
  ({rule: one.id, what: one.help, where: one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + " — " + (node.any[0]?.message ?? ""))})))"""
COLOURS_ONLY = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


@dataclass
class AtBrowser:
    """One person, one profile, one window. ``complaints`` fills with what nobody should ever see in a console.

    scripts: whether the browser runs them.
    """

    context: BrowserContext
    page: Page
    scripts: bool = True
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, context: BrowserContext, *, scripts: bool = True) -> AtBrowser:
        """Sit down at a browser with this profile."""
        context.set_default_timeout(10_000)
        if scripts:
            context.add_init_script(REPORT_VIOLATIONS)
        person = cls(context, context.new_page(), scripts)
        person.watch(person.page)
        return person

    def watch(self, page: Page) -> None:
        """Collect what goes wrong on a page: scripts, the CSP, what does not load, what fails."""
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", self._hear)
        page.on("requestfailed", self._note_failed)
        page.on("response", self._note_answer)

    def another_tab(self) -> AtBrowser:
        """The same profile in one more tab."""
        other = AtBrowser(self.context, self.context.new_page(), self.scripts, self.complaints)
        other.watch(other.page)
        return other

    # ------------------------------------------------------------------------------------------------ what they do

    def opens(self, address: str) -> AtBrowser:
        """Go to an address."""
        self.page.goto(address)
        return self

    def signs_in(self, email: str, password: str = PASSWORD) -> AtBrowser:
        """Sign in by the real page; open it first unless it is open."""
        if "/account/login/" not in self.page.url:
            self.opens("/account/login/")
        self.fills({"E-mail": email, "Password": password})
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url(lambda url: "/account/login/" not in url)
        return self

    def fills(self, values: dict[str, str]) -> AtBrowser:
        """Fill in fields by their labels, with whatever stands in brackets behind them."""
        for label, value in values.items():
            found = self.page.get_by_label(re.compile(rf"^\s*{re.escape(label)}\s*(\(.*\))?\s*$")).first
            if found.evaluate("element => element.tagName") == "SELECT":
                found.select_option(label=value)
            else:
                found.fill(value)
        return self

    def ticks(self, *labels: str) -> AtBrowser:
        """Tick boxes and choose radio buttons by their labels."""
        for label in labels:
            self.page.get_by_label(label, exact=True).first.check()
        return self

    def unticks(self, label: str) -> AtBrowser:
        self.page.get_by_label(label, exact=True).first.uncheck()
        return self

    def presses(self, name: str, *, role: Any = "button", exact: bool = True) -> AtBrowser:
        """Press a button of the page, and wait for the page that follows."""
        dialog = self.page.locator("dialog[open]")
        place = dialog if dialog.count() else self.page.locator("main")
        place.get_by_role(role, name=name, exact=exact).first.click()
        self.page.wait_for_load_state("load")
        return self

    def follows(self, name: str) -> AtBrowser:
        """Follow a link of the page."""
        return self.presses(name, role="link")

    # ------------------------------------------------------------------------------------------------ what they see

    def sees(self, *texts: str) -> AtBrowser:
        """Each of these texts stands on the page."""
        for text in texts:
            expect(self.page.locator("body")).to_contain_text(text)
        return self

    def sees_soon(self, text: str) -> AtBrowser:
        """The text stands on the page, now or after loading it again: something else is still reporting it."""
        until(lambda: self.page.get_by_text(text).count() or self.page.reload() is None, because=f"never saw {text!r}")
        return self

    def is_at(self, title: str) -> AtBrowser:
        """The page has this heading."""
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(title)
        return self

    def fact(self, term: str) -> str:
        """What a list of facts says behind this term."""
        return (
            self.page.locator("dt", has_text=re.compile(rf"^\s*{re.escape(term)}\s*$"))
            .locator("+ dd")
            .first.inner_text()
            .strip()
        )

    def text_of(self, selector: str) -> str:
        return self.page.locator(selector).inner_text().strip()

    def finds_no_fault(self) -> AtBrowser:
        """The page as it stands: readable in both themes, by everybody, at every width, with one heading and no complaint."""
        name = f"{self.page.url} ({self.page.title()})"
        faults = [f"h1 × {self.page.locator('h1').count()}"] if self.page.locator("h1").count() != 1 else []
        faults += self._axe({}, (WIDE, "light")) + self._axe(COLOURS_ONLY, (WIDE, "dark"))
        for size in (SMALLEST, PHONE):
            self.page.set_viewport_size({"width": size[0], "height": size[1]})
            if wide := self.page.evaluate(IS_TOO_WIDE):
                faults.append(f"scrolls sideways at {size[0]}: {wide}")
        faults += self._axe({}, (PHONE, "dark")) + self._axe(COLOURS_ONLY, (PHONE, "light"))
        self.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        assert not faults, name + "\n" + "\n".join(faults)
        return self

    def faults_by_axe(self, size: tuple[int, int], theme: str) -> list[str]:
        """What axe finds at this width in this theme, by every rule."""
        found = self._axe({}, (size, theme))
        self.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        return found

    def _axe(self, rules: dict[str, Any], look: tuple[tuple[int, int], Any]) -> list[str]:
        (width, height), theme = look
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=theme)
        if not self.page.evaluate("typeof axe !== 'undefined'"):
            self.page.evaluate(axe_text())
        return [
            f"{theme} {width}: {json.dumps(found, ensure_ascii=False)}" for found in self.page.evaluate(RUN_AXE, rules)
        ]

    # ---------------------------------------------------------------------------------------------- what went wrong

    def _hear(self, line: ConsoleMessage) -> None:
        # What did not load is noted by its answer, which says of what kind it was.
        if line.type == "error" and not line.text.startswith("Failed to load resource"):
            self.complaints.append(f"{line.location.get('url', '')}: {line.text}")

    def _note_failed(self, request: Request) -> None:
        # Leaving a page ends what it was still asking for.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def _note_answer(self, response: Response) -> None:
        # A refusal is an answer that a test asks for; a fault of ours, or a part of a page that is missing, never is.
        if response.status >= 500 or (response.status >= 400 and not response.request.is_navigation_request()):
            self.complaints.append(f"{response.url}: {response.status}")


_axe: list[str] = []


def axe_text() -> str:
    """Return axe-core as a script, read once."""
    if not _axe:
        _axe.append(Path(axe_script()).read_text("utf-8"))
    return _axe[0]
