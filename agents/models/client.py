"""OAuth clients of agents (django-oauth-toolkit's Application, swapped) and their credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractApplication

from agents.ids import uuid7
from agents.models.agent import Agent, State
from agents.public_keys import thumbprint_of
from agents.redirects import redirect_uri_matches


class AuthMethod(models.TextChoices):
    """How a client proves itself at the token endpoint. What a request presents never chooses it (RFC 9700 §2.5)."""

    BASIC = "client_secret_basic", "client_secret_basic"
    POST = "client_secret_post", "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt", "private_key_jwt"
    NONE = "none", _("none (public client with PKCE)")


Source = AbstractApplication.RegistrationSource
"""How a client came to be: by people (``manual``), by registering itself (``dcr``), or by its own document (``cimd``)."""


class GrantType(models.TextChoices):
    AUTHORIZATION_CODE = "authorization_code", "authorization_code"
    REFRESH_TOKEN = "refresh_token", "refresh_token"
    CLIENT_CREDENTIALS = "client_credentials", "client_credentials"
    CIBA = "urn:openid:params:grant-type:ciba", _("asking out of band (CIBA)")
    DEVICE = "urn:ietf:params:oauth:grant-type:device_code", _("device code")
    EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange", _("taking work over (token exchange)")


class ClientQuerySet(models.QuerySet["Client"]):
    def self_registered(self) -> Self:
        return self.exclude(registration_source=Source.MANUAL)

    def of_agent(self, agent: Agent) -> Self:
        """The clients by which this agent acts. Those of a personal agent are everybody's: here they are its person's."""
        if not agent.is_personal:
            return self.filter(agent=agent)
        return self.filter(Q(agent=agent) | Q(agent=None, consents__agent=agent)).distinct()

    def unclaimed(self) -> Self:
        """Clients that registered themselves and that nobody has adopted into an agent of the organisation."""
        return self.self_registered().filter(agent=None, ended_at=None)


class Client(AbstractApplication):
    """One OAuth client registration of an agent. Without an agent it is unclaimed and gets no token."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(  # the toolkit cascades here: deleting a person would delete clients
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, blank=True, related_name="clients")
    authorization_grant_type = models.CharField(
        max_length=44, default=AbstractApplication.GRANT_AUTHORIZATION_CODE, editable=False
    )
    auth_method = models.CharField(max_length=32, choices=AuthMethod.choices, default=AuthMethod.BASIC)
    grant_types = models.JSONField(default=list)
    """``GrantType`` values. The toolkit's single ``authorization_grant_type`` is not asked."""
    notification_endpoint = models.CharField(max_length=500, blank=True)
    """Where it is told that somebody decided (CIBA ping mode). Empty: it polls."""
    device_reason = models.CharField(max_length=500, blank=True)
    """Why an administrator allowed it device codes. Empty: it has none (``agents/device_codes.py``)."""
    jwks_uri = models.CharField(max_length=500, blank=True)
    """Where its public keys are published. Empty: they are ``Credential`` rows here."""
    older_reason = models.CharField(max_length=500, blank=True)
    """Why its assertions may name the token endpoint, last an hour and be signed by RS256. Empty: they may not."""
    require_par = models.BooleanField(default=False)
    """Whether it must push its authorization requests (RFC 9126 §5), so that nothing it asks for stands in an address."""
    require_dpop = models.BooleanField(default=False)
    """Whether each token request must prove a key (``dpop_bound_access_tokens``, RFC 9449 §5.2)."""
    client_secret = models.CharField(max_length=1, blank=True, default="", editable=False)
    """Always empty: secrets are ``Credential`` rows, several at a time."""
    registered_metadata = models.JSONField(default=dict)
    """What a client that registered itself says besides (``agents/programs/registration.py``). Nobody has verified any of it."""
    software_key = models.CharField(max_length=64, blank=True)
    """Digest of what identical registrations of one program share. Empty for those that people registered."""
    registered_from = models.CharField(max_length=64, blank=True)
    """Keyed digest of the source that it registered from, or of the person who brought its document: for limits."""
    registration_digest = models.CharField(max_length=64, blank=True)
    """SHA-256 of its registration access token (RFC 7592). Empty: it has none."""
    initial_token = models.ForeignKey(
        "agents.RegistrationToken", on_delete=models.PROTECT, null=True, blank=True, related_name="clients"
    )
    """The initial access token that it registered with (RFC 7591 §3), which is what Mandate verified of it."""
    personal_since = models.DateTimeField(null=True, blank=True)
    """Since when it serves personal agents (``agents/programs/personal.py``). It serves many people, so it has no agent of its own."""
    pending_metadata = models.JSONField(null=True, blank=True)
    """What it says of itself now, where that waits to be seen before it counts, or was seen and does not."""
    pending_since = models.DateTimeField(null=True, blank=True)
    """Since when it waits. Empty: it does not, or somebody has refused it."""
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ClientQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            models.Index(fields=["agent", "name"], name="client_by_agent"),
            models.Index(
                fields=["registered_from", "created"], name="client_by_source", condition=~Q(registered_from="")
            ),
            models.Index(
                fields=["created", "id"],
                name="client_unclaimed",
                condition=Q(agent=None, personal_since=None, ended_at=None),
            ),
            models.Index(fields=["software_key"], name="client_by_software", condition=~Q(software_key="")),
        ]
        constraints = [
            CheckConstraint(condition=Q(client_secret=""), name="client_keeps_no_secret_of_its_own"),
            CheckConstraint(condition=Q(auth_method__in=AuthMethod.values), name="client_has_a_known_auth_method"),
            CheckConstraint(
                condition=Q(notification_endpoint="") | ~Q(auth_method=AuthMethod.NONE),
                name="client_that_is_notified_proves_itself",
            ),
            CheckConstraint(
                condition=Q(jwks_uri="", older_reason="") | Q(auth_method=AuthMethod.PRIVATE_KEY_JWT),
                name="client_with_assertions_signs_them",
            ),
        ]

    def allows_grant_type(self, *grant_types: str) -> bool:
        """Whether the client is registered for one of these, in the toolkit's or the specification's spelling."""
        return any({grant, grant.replace("-", "_")} & set(self.grant_types) for grant in grant_types)

    def is_usable(self, request: Any) -> bool:
        """The one hook that every flow asks: a live client of an active agent that has not ended."""
        return self.is_live(getattr(request, "now", None) or timezone.now())

    def is_live(self, now: datetime) -> bool:
        """Whether the client may be used: not removed, claimed, its agent active, owned and within its time."""
        if self.ended_at is not None or self.agent is None or self.agent.state != State.ACTIVE:
            return False
        owner = self.agent.owner
        return not self.agent.has_ended(now) and owner is not None and owner.is_active

    def redirect_uri_allowed(self, uri: str) -> bool:
        """Exact comparison; only the port of a loopback IP redirect is free (RFC 9700 §2.1, RFC 8252 §7.3)."""
        return any(redirect_uri_matches(registered, uri) for registered in self.redirect_uris.split())

    def get_grant_types(self) -> list[str]:
        """How it gets tokens, in the words that pages use: the long names of two of them are nobody's reading."""
        words = dict(GrantType.choices)
        return [str(words.get(grant, grant)) for grant in self.grant_types]

    @property
    def is_self_registered(self) -> bool:
        """Whether a program made it, and not somebody of the organisation."""
        return bool(self.registration_source != Source.MANUAL)

    @property
    def is_unclaimed(self) -> bool:
        """Whether it registered itself and belongs to no agent of the organisation."""
        return self.is_self_registered and self.agent_id is None and self.ended_at is None

    @property
    def document_host(self) -> str:
        """The host of the document by which it describes itself (CIMD), which Mandate has read there. Empty for others."""
        return urlsplit(self.client_id).netloc if self.registration_source == Source.CIMD else ""

    @property
    def is_public(self) -> bool:
        return self.auth_method == AuthMethod.NONE

    @property
    def signs(self) -> bool:
        """Whether it proves itself by a key whose private half it never gave away."""
        return self.auth_method == AuthMethod.PRIVATE_KEY_JWT


class CredentialQuerySet(models.QuerySet["Credential"]):
    def live(self, now: datetime) -> Self:
        return self.filter(revoked_at=None, starts_at__lte=now).filter(Q(ends_at=None) | Q(ends_at__gt=now))


class Credential(models.Model):
    """One secret or public key by which a client or a resource proves itself. Several may overlap during rotation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    handle = models.CharField(max_length=16, unique=True)
    """The public part: ``mdt_<handle>_…``, or how a public key's thumbprint begins. It names the credential everywhere."""
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, blank=True, related_name="credentials")
    resource = models.ForeignKey(
        "agents.Resource", on_delete=models.PROTECT, null=True, blank=True, related_name="credentials"
    )
    digest = models.CharField(max_length=64)
    """SHA-256 of the whole key, in hexadecimal: 256 random bits need no slow hash. Of a public key, its thumbprint."""
    public_jwk = models.JSONField(null=True, blank=True)
    """The public key (``agents/public_keys.py``). None: this is a secret."""
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    ended_recorded_at = models.DateTimeField(null=True, blank=True)
    """When the sweep wrote down that the end date had passed."""
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = CredentialQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            CheckConstraint(
                condition=Q(client__isnull=False, resource__isnull=True)
                | Q(client__isnull=True, resource__isnull=False),
                name="credential_belongs_to_a_client_or_a_resource",
            ),
            CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=models.F("starts_at")), name="credential_ends_after_it_starts"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"],
                name="credential_waiting_for_its_end",
                condition=Q(revoked_at=None, ended_recorded_at=None, ends_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.handle}…" if self.public_jwk else f"mdt_{self.handle}_…"

    @property
    def thumbprint(self) -> str:
        """Of a public key (RFC 7638), as tools write it."""
        return thumbprint_of(self.digest) if self.public_jwk else ""

    def is_live(self, now: datetime) -> bool:
        """Whether it still proves anything. Expiry counts here, at use; the sweep only records it."""
        return self.revoked_at is None and self.starts_at <= now and (self.ends_at is None or self.ends_at > now)


class Fetched(models.Model):
    """What a ``jwks_uri`` answered last. They count for ten minutes; who asks first afterwards fetches them again."""

    uri = models.CharField(max_length=500)
    """The address that they came from: those of another one count for nothing."""
    keys = models.JSONField(default=list)
    fetched_at = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField()

    class Meta:
        abstract = True


class FetchedKeys(Fetched):
    """What a client's ``jwks_uri`` answered last."""

    client = models.OneToOneField(Client, on_delete=models.PROTECT, primary_key=True, related_name="fetched_keys")

    def __str__(self) -> str:
        return f"keys of {self.client_id}"


class LastUse(models.Model):
    """When an agent, client, credential or consent was last used, to the minute.

    A table of its own, so that noting a use never waits for (or holds) a lock that decides access.
    """

    subject_id = models.UUIDField(primary_key=True)
    used_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.subject_id} {self.used_at}"
