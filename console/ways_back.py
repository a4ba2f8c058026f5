"""Ways back that a form or an address names: only to a page of ours (RFC 9700 §4.11; security.md S5)."""

from __future__ import annotations

from django.utils.http import url_has_allowed_host_and_scheme

LONGEST = 16_000
"""Characters. Django leads nobody to a longer address."""


def stays_here(address: str, *, host: str | None = None, require_https: bool = False) -> bool:
    """Whether this leads to a page of ours. host: under which name the browser knows us; without it only a path counts.

    Where an address leads is said before its query. Django refuses any of more than 2,048 characters, which a client's
    whole request in it easily has: whoever signed in on the way would not come back to what they were asked.
    """
    hosts = {host} if host else None
    before_query = address.partition("?")[0]
    if len(address) > LONGEST or address.replace("\\", "/").startswith("//"):
        return False
    return url_has_allowed_host_and_scheme(before_query, allowed_hosts=hosts, require_https=require_https)
