"""What the published keys say, and who reads them."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client as Browser
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from consent.key_rotation import standings
from tests import forgery


def published():
    return Browser().get("/.well-known/jwks.json").json()


def kids():
    return {key["kid"] for key in published()["keys"]}


def kid_of(token):
    return forgery.header_of(token)["kid"]


def stations():
    return {one.key.kid: one.station for one in standings(timezone.now())}


class OfflineResource:
    """Checks tokens itself and keeps the key set for exactly as long as ``Cache-Control`` lets it. Never asks in between."""

    def __init__(self):
        self.keys, self.until = KeySet([]), timezone.now()

    def accepts(self, token):
        if timezone.now() >= self.until:
            answer = Browser().get("/.well-known/jwks.json")
            age = int(answer["Cache-Control"].rpartition("max-age=")[2])
            self.keys, self.until = KeySet.import_key_set(answer.json()), timezone.now() + timedelta(seconds=age)
        claims = jwt.decode(token, self.keys, algorithms=["ES256"]).claims
        return claims["exp"] > timezone.now().timestamp()
