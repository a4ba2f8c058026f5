"""Builders by subject. They call the domain functions, so that no test starts from a state that cannot exist.

Every builder takes ``by`` and ``now`` where the domain does; without them the owner (or an administrator) acts now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.test import Client as Browser
from django.utils import timezone

from agents import agent_scopes, clients, credentials, lifecycle, registry, resources
from agents.acr import SINGLE, SignIn
from agents.actors import Actor, ActorKind
from agents.credentials import IssuedKey
from agents.models import (
    Access,
    Agent,
    AgentScope,
    AuthMethod,
    Checks,
    Client,
    DataClass,
    Event,
    GrantType,
    Organisation,
    Resource,
    Role,
    Scope,
    User,
)
from agents.models.agent import Kind as AgentKind
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import record
from consent import mandate
from consent.approval import Approval
from consent.models import Consent

PASSWORD = "a long password for tests"
SIGN_IN_BACKEND = "console.accounts.backends.SignInBackend"


def person(name: str, role: str = Role.USER, *, email: str = "", password: str = PASSWORD) -> User:
    """Somebody with an account. Their address is made from the name unless given."""
    address = email or f"{name.lower().replace('dr. ', '').replace(' ', '.')}@st-anna.example"
    return User.objects.create_user(address, password, name=name, role=role)


def administrator() -> User:
    """The first active administrator, or a new one."""
    return User.objects.administrators().order_by("pk").first() or person("Admin", Role.ADMINISTRATOR)


def organisation(name: str = "St. Anna", *, second_person_activates: bool = False) -> Organisation:
    """The one organisation of the installation, with its policy."""
    found, _ = Organisation.objects.update_or_create(
        pk=1,
        defaults={
            "name": name,
            "second_person_activates": second_person_activates,
            "created_at": timezone.now(),
        },
    )
    return found


def actor(user: User) -> Actor:
    """The person as an actor outside a request."""
    return Actor.person(user)


def browser(user: User | None = None) -> Browser:
    """A browser without scripts, signed in as this person; it checks CSRF tokens like a real server does."""
    opened = Browser(enforce_csrf_checks=False)
    if user is not None:
        opened.force_login(user, backend=SIGN_IN_BACKEND)
    return opened


def resource(
    name: str = "Patient records",
    uri: str = "",
    *,
    checks: str = Checks.INTROSPECTION,
    cache_seconds: int = 0,
    token_life: timedelta = timedelta(minutes=5),
    operations: Iterable[str] = ("read", "write"),
    record_types: Iterable[str] = ("patient-file",),
    by: User | None = None,
    now: datetime | None = None,
) -> Resource:
    """A resource, registered by an administrator."""
    return resources.create(
        name=name,
        uri=uri or f"https://{name.lower().replace(' ', '-')}.st-anna.example",
        checks=checks,
        cache_seconds=cache_seconds,
        token_life=token_life,
        operations=operations,
        record_types=record_types,
        by=actor(by or administrator()),
        now=now or timezone.now(),
    )


def scope(
    at: Resource,
    name: str = "records:read",
    title: str = "Read patient files",
    *,
    access: str = Access.READ,
    data_class: str = DataClass.NONE,
    detail: str = "",
    longest_life: timedelta = timedelta(days=365),
    marked_sensitive: bool = False,
    by: User | None = None,
    now: datetime | None = None,
) -> Scope:
    """A scope of a resource, with its first wording."""
    return resources.add_scope(
        at,
        name=name,
        title=title,
        detail=detail,
        access=access,
        data_class=data_class,
        longest_life=longest_life,
        marked_sensitive=marked_sensitive,
        by=actor(by or administrator()),
        now=now or timezone.now(),
    )


def agent(
    name: str = "Discharge Assistant",
    *,
    owner: User,
    purpose: str = "Draft discharge letters for the ward doctor",
    kind: str = AgentKind.ASSISTANT,
    scopes: Iterable[Scope] = (),
    required: Iterable[Scope] = (),
    deputies: Iterable[User] = (),
    data_classes: Iterable[str] = (),
    unit: str = "Clinic Operations",
    ends_at: datetime | None = None,
    active: bool = True,
    now: datetime | None = None,
) -> Agent:
    """An agent of this owner: active, or a draft with ``active=False``."""
    now = now or timezone.now()
    made = registry.register(
        name=name,
        purpose=purpose,
        kind=kind,
        unit=unit,
        owner=owner,
        deputies=deputies,
        data_classes=data_classes,
        ends_at=ends_at,
        by=actor(owner),
        now=now,
    )
    if scopes:
        agent_scopes.set_scopes(made, scopes=frozenset(scopes), required=frozenset(required), by=actor(owner), now=now)
    if active:
        lifecycle.submit(made, reason="It is ready.", by=actor(owner), now=now)
        made = lifecycle.activate(made, reason="Looked at it.", by=actor(administrator()), now=now)
    return made


def client(
    of: Agent,
    name: str = "",
    *,
    auth_method: str = AuthMethod.BASIC,
    redirect_uris: Iterable[str] | None = None,
    grant_types: Iterable[str] | None = None,
    require_par: bool = False,
    by: User | None = None,
    now: datetime | None = None,
) -> Client:
    """A client of this agent, with the grants that the agent's kind allows and one redirect where it needs one."""
    assistant = of.kind == AgentKind.ASSISTANT
    if redirect_uris is None:
        redirect_uris = ["https://app.st-anna.example/callback"] if assistant else []
    if grant_types is None:
        grant_types = (
            {GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN} if assistant else {GrantType.CLIENT_CREDENTIALS}
        )
    by = by or of.owner
    assert by is not None
    return clients.add(
        of,
        name=name or of.name,
        auth_method=auth_method,
        grant_types=frozenset(grant_types),
        redirect_uris=list(redirect_uris),
        require_par=require_par,
        by=actor(by),
        now=now or timezone.now(),
    )


def key(
    of: Client | Resource, *, by: User | None = None, ends_at: datetime | None = None, now: datetime | None = None
) -> IssuedKey:
    """A key of a client or a resource, with its text."""
    return credentials.issue(of, by=actor(by or administrator()), now=now or timezone.now(), ends_at=ends_at)


def events(kind: str | None = None, **facts: object) -> list[Event]:
    """The events of this kind, oldest first."""
    found = Event.objects.filter(**facts)
    return list((found.filter(kind=kind) if kind else found).order_by("pk"))


@contextmanager
def one_refusal(kind: str, reason_code: str = "") -> Iterator[None]:
    """What happens inside leaves exactly one refusal of this kind in the trail, and no other event.

    Apart from the note that a change was met for the first time (``consent/observed.py``), which may go with a refusal.
    """
    met = Kind.REVOCATION_OBSERVED.value
    before = Event.objects.exclude(kind=met).count()
    yield
    added = list(Event.objects.exclude(kind=met).order_by("pk")[before:])
    assert [(event.kind, event.outcome) for event in added] == [(kind, Outcome.REFUSED)], added
    if reason_code:
        assert added[0].reason_code == reason_code


def consent(
    of: User | None,
    client: Client,
    scopes: Iterable[Scope] | None = None,
    *,
    purpose: str = "Discharge letters, ward 3B",
    life: timedelta = timedelta(days=30),
    once: bool = False,
    signed_in_at: datetime | None = None,
    by: User | None = None,
    now: datetime | None = None,
) -> Consent:
    """What this person allows the client (``None``: an administrator for the organisation), as the screen would make it.

    scopes: by default everything that the agent may ask for.
    """
    now = now or timezone.now()
    agent_scopes = AgentScope.objects.live().filter(agent=client.agent).select_related("scope__resource")
    wanted = {row.scope for row in agent_scopes} if scopes is None else set(scopes)
    approval = Approval(
        client=client,
        user=of,
        scopes={wanted_scope: wanted_scope.wording for wanted_scope in wanted},
        purpose=purpose,
        ends_at=now + life,
        once=once,
        signed_in=SignIn(("password",), signed_in_at or now, SINGLE),
    )
    return mandate.approve(approval, by=actor(by or of or administrator()), now=now)


def token_event(client: Client, person: User | None = None, *, now: datetime | None = None) -> Event:
    """The event of an issued token, for tests of pages that only read the trail. Tokens themselves come over HTTP."""
    with transaction.atomic():
        number = record(
            Kind.TOKEN_ISSUED,
            by=Actor(ActorKind.CLIENT, client.pk),
            now=now or timezone.now(),
            agent_id=client.agent_id,
            client_id=client.pk,
            user_id=person.pk if person else None,
            scopes=["records:read"],
            grant="authorization_code",
            life=timedelta(minutes=5),
        )
    return Event.objects.get(pk=number)
