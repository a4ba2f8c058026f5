"""A receiver of signals for a resource that checks tokens itself: it stops taking tokens at once when Mandate says so.

Run it with PyJWT[crypto] and two variables, and have Mandate send signals to http(s)://…/signals (docs/how-to/receive-signals.md):

    MANDATE_ISSUER=https://mandate.example.org RESOURCE_URI=https://records.example.org python signals_receiver.py

Your API asks ``still_counts(claims)`` after it has checked a token as ever. What was heard is kept in memory here: keep it in
your database, for as long as your tokens live (five minutes), and see that all processes share it.
"""

import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ISSUER = os.environ["MANDATE_ISSUER"]
AUDIENCE = os.environ["RESOURCE_URI"]
SECRET = os.environ.get("SIGNALS_AUTHORIZATION", "")  # what was entered as Authorization header, such as "Bearer 8f1c…"
PORT = int(os.environ.get("SIGNALS_PORT", "9100"))
REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
CLAIMS_CHANGE = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
CREDENTIAL_CHANGE = "https://schemas.openid.net/secevent/caep/event-type/credential-change"

KEYS = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", lifespan=300)  # jwks_uri of /.well-known/ssf-configuration

heard: set[str] = set()  # the jti of every signal: the same one may come twice
stopped: dict[tuple[str, str], int] = {}  # since when tokens of a consent, person, agent, client or one do not count
smaller: dict[str, dict] = {}  # what the tokens of a consent are worth now


class NotTaken(Exception):
    """An error of RFC 8935 §2.4: invalid_request, invalid_key, invalid_issuer, invalid_audience, authentication_failed."""


def take(token: str) -> None:
    """Believe a signal: its signature, type, issuer and audience. Raises NotTaken."""
    try:
        if jwt.get_unverified_header(token).get("typ") != "secevent+jwt":
            raise NotTaken("invalid_request")  # an access token has another type, and is no signal
        key = KEYS.get_signing_key_from_jwt(token).key
        needed = {"require": ["iss", "aud", "iat", "jti", "events", "sub_id"]}
        signal = jwt.decode(token, key, algorithms=["ES256"], issuer=ISSUER, audience=AUDIENCE, options=needed)
    except jwt.InvalidIssuerError as problem:
        raise NotTaken("invalid_issuer") from problem
    except jwt.InvalidAudienceError as problem:
        raise NotTaken("invalid_audience") from problem
    except (jwt.InvalidSignatureError, jwt.PyJWKClientError) as problem:
        raise NotTaken("invalid_key") from problem
    except jwt.InvalidTokenError as problem:
        raise NotTaken("invalid_request") from problem
    if signal["jti"] not in heard:
        note(signal)
        heard.add(signal["jti"])


def note(signal: dict) -> None:
    """Keep what it says for the tokens that are out. The narrowest subject that it names is the one that counts."""
    (kind, event), subject = next(iter(signal["events"].items())), signal["sub_id"]
    at = event.get("event_timestamp", signal["iat"])
    if subject.get("uri") == ISSUER and event["change_type"] == "revoke":
        KEYS.fetch_data()  # somebody else may hold a key of Mandate's: read the others anew, where your API checks tokens too
    if subject.get("format") == "jwt_id":
        stopped["token", subject["jti"]] = at
    for member in ("session", "client", "user", "application"):
        if member in subject:
            name = member, subject[member].get("id") or subject[member]["sub"]
            if kind == REVOKED or (kind == CREDENTIAL_CHANGE and event["change_type"] == "revoke"):
                stopped[name] = max(at, stopped.get(name, 0))
            elif kind == CLAIMS_CHANGE:
                smaller[name[1]] = smaller.get(name[1], {}) | event["claims"]
            return


def still_counts(claims: dict) -> bool:
    """Whether a token counts that was checked already. One from after the change is as good as ever.

    Narrowing makes its ``scope`` smaller, in place; a shortened consent ends it sooner.
    """
    names = [("token", claims["jti"]), ("session", claims["consent"])]
    names += [("client", claims["client_id"]), ("user", claims["sub"])]
    agent = claims.get("act") or {"sub": claims["sub"]}
    while agent:  # every agent that the work went through
        names.append(("application", agent["sub"]))
        agent = agent.get("act")
    if any(claims["iat"] <= stopped.get(name, 0) for name in names):
        return False
    now_is = smaller.get(claims["consent"], {})
    if "scope" in now_is:
        claims["scope"] = " ".join(s for s in claims["scope"].split() if s in now_is["scope"].split())
    return time.time() < min(claims["exp"], now_is.get("exp", claims["exp"])) and claims["scope"] != ""


class Signals(BaseHTTPRequestHandler):
    """``POST /signals`` takes signals. ``POST /try`` shows what a token's claims (JSON) are worth: leave it out of yours."""

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 100_000))
        if self.path == "/try":
            self.say(200, {"counts": still_counts(claims := json.loads(body)), "scope": claims["scope"]})
        elif self.path != "/signals" or self.headers.get("Content-Type") != "application/secevent+jwt":
            self.say(404, {})
        elif SECRET and not hmac.compare_digest(self.headers.get("Authorization", "").encode(), SECRET.encode()):
            self.say(400, {"err": "authentication_failed", "description": "The header is another."})
        else:
            try:
                take(body.decode("ascii", "replace"))
                self.say(202, None)
            except NotTaken as problem:
                self.say(400, {"err": str(problem), "description": "Not taken."})

    def say(self, status: int, body: dict | None) -> None:
        raw = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Signals).serve_forever()
