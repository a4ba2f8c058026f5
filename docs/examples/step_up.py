"""An agent that asks its person for exactly what a refusal names, and goes on. Read docs/how-to/ask-out-of-band.md first.

    python step_up.py GET  https://records.example.org/patients
    python step_up.py POST https://records.example.org/patients/p-1/letters "Dear colleague, …"

CLIENT_ID, MANDATE_KEY   the client, which may ask people out of band
LOGIN_HINT               whom it acts for: their address, or their id in Mandate
PURPOSE                  what for, in one sentence. The same one each time: more is then added to what was allowed before
TOKEN                    an access token that it has already, if any
"""

from __future__ import annotations

import os
import re
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

CIBA = "urn:openid:params:grant-type:ciba"
WITHIN = 30.0
"""Seconds for one answer of another program."""


class StepUp(Exception):
    """The person said no, or nothing, or the resource names a server that is none."""


def main() -> None:
    """Call the resource; where something is missing, ask the person for it and call again, once."""
    method, url, *text = sys.argv[1:]
    token = os.environ.get("TOKEN", "")
    with httpx.Client(timeout=WITHIN) as http:
        answer = call(http, method, url, token, text)
        challenge = challenge_of(answer)
        if answer.status_code in {401, 403} and "resource_metadata" in challenge:
            print("Asking for:", challenge.get("scope", "all that this agent may ask for"), flush=True)
            token = ask(http, url, challenge)["access_token"]
            answer = call(http, method, url, token, text)
    print(answer.status_code, answer.text)


def call(http: httpx.Client, method: str, url: str, token: str, text: list[str]) -> httpx.Response:
    """Call the resource with the token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return http.request(method, url, headers=headers, content=text[0] if text else None)


def challenge_of(answer: httpx.Response) -> dict[str, str]:
    """Return the parameters of a Bearer challenge (RFC 6750 §3), or nothing."""
    scheme, _, parameters = answer.headers.get("WWW-Authenticate", "").partition(" ")
    return dict(re.findall(r'([a-z_]+)="([^"]*)"', parameters)) if scheme.lower() == "bearer" else {}


def ask(http: httpx.Client, url: str, challenge: dict[str, str]) -> dict[str, Any]:
    """Ask the person for what the challenge names, and return the tokens. Raises StepUp."""
    resource, server = metadata_behind(http, url, challenge)
    if "max_age" in challenge:
        raise StepUp("This takes a sign-in of this moment: send the person to Mandate (sign_in_again.py).")
    proof = os.environ["CLIENT_ID"], os.environ["MANDATE_KEY"]
    form = {
        "login_hint": os.environ["LOGIN_HINT"],
        "purpose": os.environ["PURPOSE"],
        "resource": resource["resource"],
        **{name: challenge[name] for name in ("scope", "acr_values") if challenge.get(name)},
    }
    asked = http.post(server["backchannel_authentication_endpoint"], data=form, auth=proof).json()
    if "error" in asked:
        raise StepUp(asked["error_description"])
    wait, ends = asked["interval"], time.monotonic() + asked["expires_in"]
    form = {"grant_type": CIBA, "auth_req_id": asked["auth_req_id"], "resource": resource["resource"]}
    while time.monotonic() < ends:
        time.sleep(wait)
        token: dict[str, Any] = http.post(server["token_endpoint"], data=form, auth=proof).json()
        if "access_token" in token:
            return token
        if token["error"] == "slow_down":
            wait += 5
        elif token["error"] != "authorization_pending":
            raise StepUp(token["error_description"])
    raise StepUp("Nobody answered in time.")


def metadata_behind(http: httpx.Client, url: str, challenge: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metadata of the resource that the challenge names, and of its authorization server. Raises StepUp."""
    resource = read(http, challenge["resource_metadata"])
    # RFC 9728 §3.3: metadata count only for the resource that we called.
    if urlsplit(resource["resource"])[:2] != urlsplit(url)[:2]:
        raise StepUp(f"The metadata are those of {resource['resource']}.")
    issuer = resource["authorization_servers"][0]
    server = read(http, f"{issuer}/.well-known/oauth-authorization-server")
    if server["issuer"] != issuer:  # RFC 8414 §3.3
        raise StepUp(f"The metadata are those of {server['issuer']}.")
    return resource, server


def read(http: httpx.Client, address: str) -> dict[str, Any]:
    """Return a JSON document."""
    found: dict[str, Any] = http.get(address).raise_for_status().json()
    return found


if __name__ == "__main__":
    try:
        main()
    except StepUp as problem:
        sys.exit(str(problem))
