"""Somebody who uses no mouse: Tab, arrows, Space, Enter and Escape, and a focus that can be seen."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import expect

from tests.browser.at_browser import AtBrowser

FOCUSED = """() => {
  const one = document.activeElement;
  if (one === document.body) return {name: "", seen: true, inside: true};
  const label = one.labels?.[0]?.innerText ?? one.getAttribute("aria-label") ?? one.innerText ?? "";
  const place = one.closest("label") ?? one;
  const inParts = ["date", "datetime-local"].includes(one.type);  // the browser marks the part of it that is focused
  const seen = inParts || [one, place].some((each) => getComputedStyle(each).outlineStyle !== "none" || getComputedStyle(each).boxShadow !== "none");
  const box = one.getBoundingClientRect();
  return {name: label.replace(/\\s*\\(optional\\)/, "").trim().replace(/\\s+/g, " "), seen, inside: box.bottom > 0 && box.top < innerHeight};
}"""
MOST_STOPS = 90


@dataclass
class AtKeyboard:
    """A person at a browser, with the keyboard alone."""

    person: AtBrowser

    def tabs_to(self, name: str) -> AtKeyboard:
        """Press Tab until this is focused. Whatever is focused on the way can be seen."""
        passed = []
        for _ in range(MOST_STOPS):
            self.person.page.keyboard.press("Tab")
            focused = self.person.page.evaluate(FOCUSED)
            passed.append(focused["name"][:30])
            assert focused["seen"] or not focused["name"], f"nothing shows that {focused['name']!r} is focused"
            if focused["name"] == name or focused["name"].startswith(f"{name} "):
                assert focused["inside"], f"{name!r} is focused out of sight"
                return self
        raise AssertionError(f"no way to {name!r} by Tab: {passed}")

    def presses(self, key: str) -> AtKeyboard:
        self.person.page.keyboard.press(key)
        return self

    def types(self, text: str) -> AtKeyboard:
        self.person.page.keyboard.type(text)
        return self

    def enters(self, name: str) -> AtKeyboard:
        """Go to a link or button and press Enter."""
        return self.tabs_to(name).presses("Enter")

    def is_at(self, title: str) -> AtKeyboard:
        """A page has loaded that has this heading."""
        expect(self.person.page.get_by_role("heading", level=1)).to_contain_text(title)
        self.person.page.wait_for_load_state()
        return self

    def focused(self) -> str:
        return str(self.person.page.evaluate(FOCUSED)["name"])
