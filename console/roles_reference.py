"""The page ``docs/reference/roles.md``, made from the rules themselves, so that the two cannot drift apart."""

from __future__ import annotations

import re

from agents.permissions import May
from console.roles import RULES

WORDS = {
    "is_administrator": "an administrator",
    "reads_everything": "an administrator or an auditor",
    "is_somebody": "everybody, each what concerns them",
    "may_own_agents": "an administrator or agent owner",
    "is_for_nobody_else": "for themselves",
    "may_change_things": "anybody but an auditor",
    "keeps_the_agent": "owner or deputy of the agent",
    "is_the_owner": "the agent's owner",
    "is_their_personal_agent": "whose personal agent it is",
    "is_personal_and_suspended": "where it is a personal agent that is suspended",
    "owners_may_adopt": "where policy lets owners adopt",
    "keeps_what_is_named": "for an agent that they keep",
    "everybody_may_have_one": "where policy lets everybody have personal agents",
    "is_for_the_organisation": "where it is the organisation's",
    "is_the_person_acted_for": "the person acted for",
    "approved_it": "whoever approved it",
    "is_first_person_where_two_are_needed": "the first person where two are needed",
    "keeps_the_agent_and_it_is_sensitive": "its owner or deputy where it holds something sensitive",
    "concerns_them": "somebody whom the event concerns",
    "changed_it": "somebody who changed it where two are needed",
    "can_agree_to_it": "somebody of the role that the rule names, who did not decide and does not keep the agent",
    "is_themselves": "the person themselves",
}
SIGNS = {"|": "or", "&": "and", "~": "not "}
CHAIN = r"\(([^()&]*)\)(?= \|)"
"""Brackets around an “or” that goes on with another “or”."""
HEAD = """# Roles

<!-- Written by `manage.py document_roles` from console/roles.py. Do not edit. -->

| role | in short |
|---|---|
| administrator | sets Mandate up, activates agents, registers resources, consents for the organisation, invites people |
| agent owner | registers and keeps agents; sees and changes their own, and nothing of others |
| auditor | reads everything and changes nothing |
| user | allows agents to act for them; sees and changes what they allowed |

What somebody may not see looks like what does not exist (404). What they may see and not change is refused (403). No token
ever does anything of this: only people in their own session, and Mandate's own sweeps.

| may | who |
|---|---|
"""


def reference() -> str:
    """Return the whole page as Markdown."""
    rows = [f"| {permission.value.partition('.')[2].replace('_', ' ')} | {who(permission)} |\n" for permission in May]
    return HEAD + "".join(rows)


def who(permission: May) -> str:
    """Say a rule in words: the names of its predicates, joined as the rule joins them."""
    name = str(RULES[permission].name)
    name = name[1:-1] if name.startswith("(") else name  # rules brackets each joined rule as a whole
    while re.search(CHAIN, name):
        name = re.sub(CHAIN, r"\1", name)
    said = re.sub(r"[|&~]|\w+", lambda found: SIGNS.get(found[0]) or WORDS[found[0]], name)
    return said.replace("and not ", "but not ").replace("or an administrator or agent owner", "or an agent owner")
