"""The page ``docs/reference/events.md``, made from the closed list of kinds, so that the two cannot drift apart."""

from __future__ import annotations

from agents.trail.groups import Group, group_of
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from console.reasons import REASONS

TITLES = {
    Group.TOKENS: "Tokens",
    Group.RECEIPTS: "Receipts",
    Group.CONSENTS: "Consents",
    Group.AGENTS: "Agents, clients and credentials",
    Group.RESOURCES: "Resources and scopes",
    Group.PEOPLE: "People",
    Group.INSTALLATION: "The installation",
}
HEAD = """# Events

<!-- Written by `manage.py document_events` from agents/trail/kinds.py. Do not edit. -->

Everything that is asked, allowed, refused and read is one event of the trail, written in the same transaction as the
change that it records. An event is never changed and never deleted. It is shown at `/trail/<number>/`.

## What every event holds

| field | meaning |
|---|---|
| `id` | its number, in the order of writing |
| `at` | when, in UTC: the one time of the request |
| `kind` | one of the list below |
| `outcome` | {outcomes} |
| `reason_code` | why something was refused: one of the codes at the end of this page |
| `actor_kind`, `actor_id` | who did it: `user`, `client`, `resource`, `system` or `anonymous`, and their id |
| `user_id` | the person acted for, or whom it concerns |
| `agent_id`, `client_id`, `credential_id` | the agent, its client, the key that was used |
| `consent_id`, `token_id` | the consent and the token (its `jti`) under which it was done |
| `resource_id`, `scopes`, `data_class` | where, with which scopes, and the most sensitive class of data among them |
| `purpose_digest`, `reason_digest`, `address_digest` | keyed digests of the purpose, the reason given and the caller's address. The texts stand beside the trail and can be erased without touching an event |
| `request_id` | the request, as in the answer's `X-Request-ID` |
| `detail` | the fields of its kind, and no others |

## Kinds
"""


def reference() -> str:
    """Return the whole page as Markdown."""
    parts = [HEAD.format(outcomes=", ".join(f"`{outcome}`" for outcome in Outcome.values))]
    for group in Group:
        parts.append(f"\n### {TITLES[group]}\n\n| kind | meaning | detail |\n|---|---|---|\n")
        parts += [_row(kind) for kind in Kind if group_of(kind) == group]
    parts.append("\n## Reasons of refusals\n\n| code | meaning |\n|---|---|\n")
    parts += [f"| `{code}` | {said} |\n" for code, said in sorted(REASONS.items())]
    return "".join(parts)


def _row(kind: Kind) -> str:
    fields = ", ".join(f"`{name}`" for name in sorted(kind.facts.fields)) or "–"
    return f"| `{kind.value}` | {kind.facts.meaning} | {fields} |\n"
