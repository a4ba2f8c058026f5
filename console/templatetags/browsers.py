"""What a User-Agent header claims, in two words. A claim, good enough to tell one's own sessions apart, and for nothing else."""

from __future__ import annotations

from django.utils.translation import gettext as _

# The first that fits counts: Edge and Opera also call themselves Chrome, and everybody calls themselves Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Return the browser and the system, or the first words of what is not known."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or user_agent[:40] or _("unknown browser")


def is_phone(user_agent: str) -> bool:
    """Whether the header claims a phone or a tablet."""
    return any(mark in user_agent for mark in ("iPhone", "iPad", "Android", "Mobile"))
