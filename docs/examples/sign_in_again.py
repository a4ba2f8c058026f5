"""An agent at its person's side: it sends them to Mandate for what a refusal names, and goes on. Read ../how-to/connect-an-agent.md first.

    python sign_in_again.py GET  https://records.example.org/patients
    python sign_in_again.py POST https://records.example.org/patients/p-1/letters "Dear colleague, …"

The first refusal names a scope; an API that takes a fresh or strong sign-in for it refuses once more (RFC 9470), and the
person goes to Mandate again with just that. Needs ``pip install authlib httpx``.

CLIENT_ID, MANDATE_KEY   the client
REDIRECT_PORT            it is registered with http://127.0.0.1:<port>/callback
PURPOSE                  what for, in one sentence. The same one each time: more is then added to what was allowed before
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client
from step_up import WITHIN, StepUp, call, challenge_of, metadata_behind

ASKED_FOR = ("scope", "acr_values", "max_age")
"""What a challenge may name that the person is asked for in turn (RFC 6750 §3, RFC 9470 §4)."""


class Callback(HTTPServer):
    """Waits on this machine until the person is back."""

    came_back = ""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), CameBack)

    def wait(self) -> str:
        """Return where they came back to."""
        while not self.came_back:
            self.handle_request()
        return self.came_back


class CameBack(BaseHTTPRequestHandler):
    server: Callback

    def do_GET(self) -> None:
        if self.path.startswith("/callback?"):
            self.server.came_back = self.path
        self.send_response(200 if self.server.came_back else 404)
        self.end_headers()
        self.wfile.write(b"You can close this window.")

    def log_message(self, *_words: Any) -> None:
        """Say nothing: the address holds a code."""


def main() -> None:
    """Call the resource; send the person to Mandate for a token, and once more for the sign-in that it takes."""
    method, url, *text = sys.argv[1:]
    with httpx.Client(timeout=WITHIN) as http:
        answer = call(http, method, url, "", text)
        for _ in range(2):
            challenge = challenge_of(answer)
            if answer.status_code not in {401, 403} or "resource_metadata" not in challenge:
                break
            token = authorize(http, url, challenge)["access_token"]
            answer = call(http, method, url, token, text)
    print(answer.status_code, answer.text)


def authorize(http: httpx.Client, url: str, challenge: dict[str, str]) -> dict[str, Any]:
    """Send the person to Mandate for what the challenge names, and return the tokens. Raises StepUp."""
    resource, server = metadata_behind(http, url, challenge)
    proof = os.environ["CLIENT_ID"], os.environ["MANDATE_KEY"]
    redirect_uri = f"http://127.0.0.1:{os.environ['REDIRECT_PORT']}/callback"
    client = OAuth2Client(*proof, redirect_uri=redirect_uri, code_challenge_method="S256", timeout=WITHIN)
    verifier = generate_token(64)
    asked = {name: challenge[name] for name in ASKED_FOR if challenge.get(name)}
    address, state = client.create_authorization_url(
        server["authorization_endpoint"],
        code_verifier=verifier,
        resource=resource["resource"],
        purpose=os.environ["PURPOSE"],
        **asked,
    )
    # Pushed (RFC 9126): a purpose can name people, and an address ends up in histories and logs.
    sent = http.post(
        server["pushed_authorization_request_endpoint"], data=dict(parse_qsl(urlsplit(address).query)), auth=proof
    ).json()
    if "error" in sent:
        raise StepUp(sent["error_description"])
    reference = urlencode({"client_id": proof[0], "request_uri": sent["request_uri"]})
    with Callback(int(os.environ["REDIRECT_PORT"])) as callback:
        print("Open", f"{server['authorization_endpoint']}?{reference}", flush=True)
        back = callback.wait()
    came_with = dict(parse_qsl(urlsplit(back).query))
    if came_with.get("iss") != server["issuer"]:  # RFC 9207 §2.4
        raise StepUp("That answer is another server's.")
    if "error" in came_with:
        raise StepUp(came_with.get("error_description", came_with["error"]))
    token: dict[str, Any] = client.fetch_token(
        server["token_endpoint"],
        authorization_response=back,
        state=state,
        code_verifier=verifier,
        resource=resource["resource"],
    )
    return token


if __name__ == "__main__":
    try:
        main()
    except StepUp as problem:
        sys.exit(str(problem))
