"""``python -m ward_tools``: serve the tools on this machine."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import uvicorn

from ward_tools.server import create_app
from ward_tools.settings import read_settings


def main() -> None:
    """Read the settings, say where the server is, serve until Ctrl-C."""
    settings = read_settings(os.environ)
    print(f"Ward tools at {settings.uri}", flush=True)
    uvicorn.run(create_app(settings), host="127.0.0.1", port=urlsplit(settings.uri).port or 9100, log_level="info")


if __name__ == "__main__":
    main()
