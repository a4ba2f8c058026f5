"""S58 for what people paste: nothing that a client is called, or where it returns, is run by their shell or interpreter."""

from __future__ import annotations

import ast
import json
import subprocess
from dataclasses import fields
from itertools import product

import pytest

from console.pages.snippets import LANGUAGES, Connection, snippet

PAYLOADS = (
    "https://app.example/$(touch${IFS}ran)",
    "https://app.example/`touch ran`",
    "https://app.example/'; touch ran; '",
    'https://app.example/"; touch ran; "',
    "https://app.example/\n touch ran\n",
    "https://app.example/\\",
    "https://app.example/!!;${x:=$(touch ran)}&touch ran|touch ran>ran",
    'https://app.example/{{ x }}{% x %}</script>\u2028"""',
)
SHELL = """curl() { printf '%s\\n' "$@" >&3; printf '{"request_uri": "urn:x"}'; }
openssl() { printf abc; }
"""
"""What stands in for the programs that the snippet calls."""


def connection(payload: str, **changed: object) -> Connection:
    """A client of which each text is the payload."""
    texts = {field.name: payload for field in fields(Connection) if field.type == "str"}
    return Connection(**{**texts, "algorithm": "ES256", "scopes": (payload, payload), "auth_method": "none", **changed})


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    ("method", "pushes"), [*product(["none", "client_secret_basic", "client_secret_post"], [False, True])]
)
def test_s58_a_shell_runs_nothing_of_it(tmp_path, payload, method, pushes):
    about = [connection(payload, auth_method=method, pushes=pushes)]
    if not pushes and method != "none":
        about.append(connection(payload, auth_method=method, redirect_uri=""))
    for each in about:
        script = f"{SHELL}exec 3>said\nMANDATE_KEY=mdt_key\n{snippet('curl', each)}"
        subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, input=b"?code=x&state=abc", capture_output=True, check=False
        )
        assert not (tmp_path / "ran").exists()
        assert payload in (tmp_path / "said").read_text(), "the snippet was run"


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_s58_elsewhere_it_is_a_text(payload, method):
    for language, redirect in product(LANGUAGES, [payload, ""]):
        if language.name == "curl" or (language.name == "key" and redirect):
            continue
        code = snippet(language.name, connection(payload, auth_method=method, redirect_uri=redirect))
        if language.name == "typescript":
            assert json.dumps(payload) in code
            assert payload.strip("/\\") not in code.replace(json.dumps(payload), "").replace(
                json.dumps(f"{payload} {payload}"), ""
            )
            continue
        texts = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}
        assert payload in texts
