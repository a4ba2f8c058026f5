"""One key in one variable: five-minute tokens, each renewed before it is over. pip install httpx"""

import os
import time

import httpx

TOKENS = "https://mandate.example.org/oauth/token"
RESOURCE = "https://records.example.org"
kept = {"token": "", "until": 0.0}


def token() -> str:
    if time.monotonic() >= kept["until"]:
        asked = {"grant_type": "client_credentials", "resource": RESOURCE}
        told = httpx.post(TOKENS, data=asked, auth=("", os.environ["MANDATE_KEY"])).json()
        if "error" in told:
            raise SystemExit(told["error_description"])
        kept.update(token=told["access_token"], until=time.monotonic() + told["expires_in"] * 0.8)
    return kept["token"]


answer = httpx.get(RESOURCE, headers={"Authorization": f"Bearer {token()}"})
print(answer.status_code, answer.text[:200])
