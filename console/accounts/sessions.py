"""The session engine: the table holds a digest of the key that the cookie carries, and encrypts what is remembered.

Whoever reads the database (a dump, a backup) can take over no session with it. In memory the key is the one of the
cookie, as Django's middleware and test client expect.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from agents.encryption import decrypt, encrypt
from agents.models.session import Session, digest_of_session_key

LONGEST_KEY = 64
NOTED = "mandate_signed_in"
"""Where a session keeps when, where and with which browser somebody signed in."""
LONGEST_LIFE = timedelta(days=7)
"""After signing in. Within it, a session ends when nothing was changed in it for ``SESSION_COOKIE_AGE``."""


class SessionStore(DatabaseStore):
    """Django's database sessions with each access to the key column made through its digest."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    @property
    def digest(self) -> str:
        """The name under which this session stands in the table; empty while it is not there."""
        return digest_of_session_key(self.session_key) if self.session_key else ""

    def exists(self, session_key: str) -> bool:
        return super().exists(digest_of_session_key(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            Session.objects.filter(pk=digest_of_session_key(key)).delete()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row to write. What was noted at sign-in (address, browser, time) is kept when a session is saved again."""
        person_id = data.get(SESSION_KEY)
        key = self._get_or_create_session_key()  # type: ignore[attr-defined]  # SessionBase has it, its stubs do not
        row = Session(
            session_key=digest_of_session_key(key),
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=person_id,
        )
        noted = data.get(NOTED)
        if person_id and isinstance(noted, dict):
            row.address, row.user_agent = str(noted.get("address", "")), str(noted.get("user_agent", ""))
            row.created_at = datetime.fromisoformat(noted["at"])
        return row

    def get_expiry_date(self, **changes: Any) -> datetime:
        """When the session ends: some hours after its last change, and at the latest a week after signing in."""
        ends = super().get_expiry_date(**changes)
        last = self._last_moment()
        return min(ends, last) if last else ends

    def get_expiry_age(self, **changes: Any) -> int:
        """The same in seconds from now, for the cookie."""
        age = super().get_expiry_age(**changes)
        last = self._last_moment()
        if last is None:
            return age
        left = last - changes.get("modification", timezone.now())
        return min(age, max(int(left.total_seconds()), 0))

    def _last_moment(self) -> datetime | None:
        noted = self.get(NOTED)
        return datetime.fromisoformat(noted["at"]) + LONGEST_LIFE if isinstance(noted, dict) else None

    def encode(self, session_dict: dict[str, Any]) -> str:
        return encrypt(super().encode(session_dict))

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        """What the session remembers; nothing when the encryption key is another one than it was written with."""
        text = session_data.decode() if isinstance(session_data, bytes) else session_data
        try:
            return super().decode(decrypt(text))
        except InvalidToken:
            return {}

    def fit_to_password_of(self, person: AbstractBaseUser) -> None:
        """Let this session go on although the password of its person is kept in another way now.

        Django ties a session to the password as it stands in the table, and when it has checked one that was hashed in an
        older way, it hashes it anew at that moment. To know the password is to be that person, so nobody gets in by this.
        """
        fitting = person.get_session_auth_hash()
        if self.get(SESSION_KEY) == str(person.pk) and not constant_time_compare(
            self.get(HASH_SESSION_KEY, ""), fitting
        ):
            self[HASH_SESSION_KEY] = fitting

    def _get_session_from_db(self) -> Session | None:
        key = self.session_key
        found = None
        if key and len(key) <= LONGEST_KEY:
            found = Session.objects.live(timezone.now()).filter(pk=digest_of_session_key(key)).first()
        if found is None:
            self._session_key = None
        return found
