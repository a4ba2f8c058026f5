"""Reading a page's form as a browser without scripts would send it."""

from __future__ import annotations

from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

Fields = dict[str, list[str]]


class _Reader(HTMLParser):
    """Collect the fields of the form with this action (or of the first that is sent by POST)."""

    def __init__(self, action: str | None) -> None:
        super().__init__()
        self.action = action
        self.inside = False
        self.found = False
        self.fields: Fields = {}
        self.buttons: list[tuple[str, str]] = []
        self.where = ""
        self.textarea: str | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attributes}
        if tag == "form":
            fits = about.get("action") == self.action if self.action else about.get("method") == "post"
            self.inside = fits and not self.found
            self.found = self.found or self.inside
            self.where = about.get("action", "") if self.inside else self.where
        if tag == "option" and self.inside and self.select:
            if "selected" in about or self.select not in self.fields:  # the first, unless one is selected
                self.fields[self.select] = [about.get("value", "")]
            return
        if not self.inside or "disabled" in about or "name" not in about:
            return
        if tag == "textarea":
            self.textarea = about["name"]
            self.fields.setdefault(about["name"], []).append("")
        elif tag == "select":
            self.select = about["name"]
        elif tag == "button":
            self.buttons.append((about["name"], about.get("value", "")))
        elif tag == "input":
            if about.get("type") in {"checkbox", "radio"} and "checked" not in about:
                return
            default = "on" if about.get("type") in {"checkbox", "radio"} else ""
            self.fields.setdefault(about["name"], []).append(about.get("value", default))

    def handle_data(self, data: str) -> None:
        if self.inside and self.textarea:
            self.fields[self.textarea][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.textarea = None
        if tag == "select":
            self.select = None
        if tag == "form":
            self.inside = False


def form_of(response: Any, action: str | None = None) -> Fields:
    """Return the fields of a form on this page as they would be sent, without its button."""
    reader = _Reader(action)
    reader.feed(text_of(response))
    assert reader.found, "there is no such form on this page"
    return reader.fields


def main_form(response: Any) -> Fields:
    """Return the form in the middle of a page, past that of signing out at its side."""
    return form_of(SimpleNamespace(content=text_of(response).split("<main", 1)[1].encode()))


def text_of(response: Any) -> str:
    """Return the page as text."""
    return str(response.content.decode())
