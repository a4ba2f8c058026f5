"""``python -m records_api``: serve the API on this machine."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import uvicorn

from records_api.app import create_app
from records_api.settings import read_settings


def main() -> None:
    """Read the settings, say where the API is, serve until Ctrl-C."""
    settings = read_settings(os.environ)
    print(f"Patient records at {settings.records_uri}, ward directory at {settings.directory_uri}", flush=True)
    port = urlsplit(settings.records_uri).port or 9000
    uvicorn.run(create_app(settings), host="127.0.0.1", port=port, log_level="info")


if __name__ == "__main__":
    main()
