"""Migrate the stock installation, make one client and print its Authorization header."""

from __future__ import annotations

import base64

import django
from django.core.management import call_command

SECRET = "a secret of the stock client"


def main() -> None:
    """Run as a program of the stock installation."""
    django.setup()
    call_command("migrate", verbosity=0)
    from oauth2_provider.models import Application

    application = Application.objects.create(
        name="stock",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        client_secret=SECRET,
    )
    pair = f"{application.client_id}:{SECRET}"
    print("Basic " + base64.b64encode(pair.encode()).decode())


if __name__ == "__main__":
    main()
