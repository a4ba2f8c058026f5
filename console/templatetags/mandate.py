"""Tags and filters of the pages. All of them escape what they are given; settings make them built in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from django import template
from django.forms import BoundField
from django.forms.widgets import CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.templatetags import moments
from console.templatetags.bar_plot import Day, bar_plot
from console.templatetags.browsers import browser_name, is_phone
from console.templatetags.chips import Chip, chip_for
from console.templatetags.chosen_names import pieces, plain_text

register = template.Library()

THIN_SPACE = "\u202f"
NOTHING = "–"


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of ``static/icons.svg``. Silent for screen readers unless a label is given."""
    href = f"{static('icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', href)


@register.simple_tag
def chip(kind: object, text: object = "") -> SafeString:
    """Show a state, data class, access or outcome (``chips.CHIPS``) as icon and word. Nothing for an empty kind."""
    found = chip_for(kind, text)
    return _draw(found) if found else SafeString()


@register.simple_tag
def chip_with(tone: str, icon: str, text: object) -> SafeString:
    """Show a chip that is no state: a tone (or ``""``), an icon (or ``""``) and words."""
    return _draw(Chip(tone, icon, str(text)))


def _draw(shown: Chip) -> SafeString:
    classes = f"chip {shown.tone}" if shown.tone else "chip"
    return format_html('<span class="{}">{}{}</span>', classes, icon(shown.icon) if shown.icon else "", shown.text)


@register.simple_tag(takes_context=True)
def when(
    context: template.Context | Mapping[str, Any],
    moment: date | datetime | None,
    style: str = "words",
    none: str = NOTHING,
) -> SafeString:
    """Show a time in a ``<time>`` with the exact one in its title.

    style: ``words`` (3 min ago, in 2 h, 21 Nov), ``clock`` (10:42:07, 20 Nov, 10:42), ``until`` (today, 18:00), ``day``, ``exact``.
    none: what stands there when there is no time. The page's own ``now`` is used when its context has one.
    """
    if not moment:
        return format_html("{}", none)
    now = context.get("now")
    now = now if isinstance(now, datetime) else timezone.now()
    if not isinstance(moment, datetime):
        if style != "day" and moment == timezone.localtime(now).date():
            return format_html('<time datetime="{}">{}</time>', moment.isoformat(), _("today"))
        said = moments.day(moment, now)
        return format_html('<time datetime="{}">{}</time>', moment.isoformat(), said)
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    said = moments.exact(moment) if style == "exact" else _SAY[style](moment, now)
    return format_html('<time datetime="{}" title="{}">{}</time>', moments.machine(moment), moments.exact(moment), said)


_SAY = {"words": moments.in_words, "clock": moments.clock, "until": moments.until, "day": moments.day}


@register.filter
def thin(number: object) -> str:
    """Group the digits of a whole number with thin spaces that do not break: 10 418 233."""
    try:
        return f"{int(str(number)):,}".replace(",", THIN_SPACE)
    except ValueError:
        return str(number)


@register.filter
def bdi_name(name: object) -> SafeString:
    """Show a name that somebody chose for themselves: isolated, and with its hidden or disguised characters marked."""
    parts = pieces(name)
    shown = format_html_join("", "{}", ((_piece(part),) for part in parts))
    if not any(part.oddity for part in parts):
        return format_html("<bdi>{}</bdi>", shown)
    warning = _("(this name has hidden or look-alike characters)")
    return format_html('<bdi class="chosen">{}</bdi><span class="visually-hidden"> {}</span>', shown, warning)


def _piece(part: Any) -> SafeString:
    if not part.oddity:
        return format_html("{}", part.text)
    return format_html('<mark class="odd" title="{}">{}</mark>', part.oddity, part.text)


@register.filter
def plain_name(name: object) -> str:
    """Return a self-chosen name as one line of text, for titles, labels and attributes."""
    return plain_text(name)


@register.filter
def initials(name: object) -> str:
    """Return the one or two letters that stand for a name: Dr. Mara Keller gives MK, Inbox gives IN."""
    words = [
        letters
        for word in plain_text(name).split()
        if not word.endswith(".") and (letters := "".join(c for c in word if c.isalnum()))
    ]
    if not words:
        return "?"
    return (words[0][:2] if len(words) == 1 else words[0][0] + words[-1][0]).upper()


@register.simple_tag
def avatar(name: object, kind: str = "person", big: bool = False) -> SafeString:
    """Draw the initials of an agent or a person. Decoration: the name itself stands beside it."""
    classes = "avatar" + (" agent" if kind == "agent" else "") + (" big" if big else "")
    return format_html('<span class="{}" aria-hidden="true">{}</span>', classes, initials(name))


@register.simple_tag
def widget(field: BoundField, **attrs: Any) -> SafeString:
    """Draw the control of a form field with our class. Underscores in names of attributes become hyphens."""
    kind = field.field.widget
    own = {name.replace("_", "-"): value for name, value in attrs.items() if value is not None}
    if not isinstance(kind, CheckboxInput | CheckboxSelectMultiple | RadioSelect):
        own["class"] = f"{kind.attrs.get('class', '')} input".strip()
        if kind.attrs.get("placeholder") and "placeholder" not in own and _repeats_label(field):
            own["placeholder"] = False
    return field.as_widget(attrs=own)


def _repeats_label(field: BoundField) -> bool:
    said = str(field.field.widget.attrs["placeholder"]).casefold()
    label = str(field.label).casefold()
    return said in label or label in said


@register.filter
def control(field: BoundField) -> str:
    """Name the shape of a field's control, by which ``components/field.html`` lays it out: check, choices or line."""
    kind = field.field.widget
    if isinstance(kind, CheckboxSelectMultiple | RadioSelect):
        return "choices"
    return "check" if isinstance(kind, CheckboxInput) else "line"


@register.filter
def browser(user_agent: str) -> str:
    """Say which browser and system a User-Agent header claims: Firefox on Linux."""
    return browser_name(user_agent)


@register.filter
def browser_icon(user_agent: str) -> str:
    """Name the icon of the device that a User-Agent header claims."""
    return "smartphone" if is_phone(user_agent) else "laptop"


@register.inclusion_tag("components/plot.html")
def plot(days: Iterable[Day], title: str = "", name: str = "plot") -> dict[str, Any]:
    """Draw tokens issued and refused for each day, with the same figures as a table. name: unique on the page."""
    said = title or _("Tokens issued and refused for each day; the table below has the figures")
    return {"plot": bar_plot(days), "title": said, "name": name}


@register.simple_tag
def qr_code(text: str, label: str) -> SafeString:
    """Draw a QR code inside the page, so that no ``data:`` picture needs to be allowed."""
    from qrcode.main import QRCode

    code = QRCode(border=2)
    code.add_data(text)
    rows = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return format_html(
        '<svg class="qr" viewBox="0 0 {0} {0}" role="img" aria-label="{1}"><path d="{2}"/></svg>',
        len(rows),
        label,
        path,
    )


@register.simple_tag(takes_context=True)
def greeting(context: template.Context) -> str:
    """Greet by the hour of the person's own day: Good morning."""
    now = context.get("now")
    hour = timezone.localtime(now if isinstance(now, datetime) else None).time()
    if hour < time(12):
        return _("Good morning")
    return _("Good afternoon") if hour < time(18) else _("Good evening")
