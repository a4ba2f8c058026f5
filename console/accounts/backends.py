"""How people prove who they are. What they may then do stands in ``console/roles.py`` and is asked nowhere else."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from console.accounts.sessions import SessionStore


class SignInBackend(AuthenticationBackend):
    """allauth's check of e-mail and password, without the permissions that come with it.

    Those of ``django.contrib.auth`` look for superusers and groups, which our people do not have.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> AbstractBaseUser | None:
        """Return who these credentials belong to. Whoever is signed in and proves themselves again stays signed in."""
        person: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if person is not None and request is not None and isinstance(request.session, SessionStore):
            request.session.fit_to_password_of(person)
        return person

    def has_perm(self, *_who_and_what: Any, **_on_what: Any) -> bool:
        return False

    def has_module_perms(self, *_who_and_what: Any) -> bool:
        return False

    def get_all_permissions(self, *_who: Any, **_on_what: Any) -> set[str]:
        return set()
