"""Who agents are: people, agents, clients, credentials, resources and scopes. And the trail's tables."""

from agents.models.adoption import AdoptionAsk, AdoptionRule, RegistrationToken
from agents.models.agent import Agent, AgentScope, DataClass, Environment, Kind, Ownership, State
from agents.models.circle import CircleMember
from agents.models.client import AuthMethod, Client, Credential, FetchedKeys, GrantType, LastUse, Source
from agents.models.detail_type import DetailType, DetailVersion
from agents.models.known_source import KnownSource
from agents.models.link import OneTimeLink
from agents.models.mail import OutgoingMail
from agents.models.notice import Notice
from agents.models.organisation import Adoption, Organisation, Registration
from agents.models.recipient import Recipient
from agents.models.resource import Access, Checks, Resource, Scope, ScopeWording
from agents.models.sensitivity_rule import ApproverRole, SensitivityClass, SensitivityRule
from agents.models.session import Session
from agents.models.trusted_issuer import IssuerKeys, LinkedPerson, TrustedIssuer
from agents.models.user import Role, User
from agents.models.warning import EndWarning
from agents.trail.models import Event, EventText, RefusalCount

__all__ = [
    "Access",
    "Adoption",
    "AdoptionAsk",
    "AdoptionRule",
    "Agent",
    "AgentScope",
    "ApproverRole",
    "AuthMethod",
    "Checks",
    "CircleMember",
    "Client",
    "Credential",
    "DataClass",
    "DetailType",
    "DetailVersion",
    "EndWarning",
    "Environment",
    "Event",
    "EventText",
    "FetchedKeys",
    "GrantType",
    "IssuerKeys",
    "Kind",
    "KnownSource",
    "LastUse",
    "LinkedPerson",
    "Notice",
    "OneTimeLink",
    "Organisation",
    "OutgoingMail",
    "Ownership",
    "Recipient",
    "RefusalCount",
    "Registration",
    "RegistrationToken",
    "Resource",
    "Role",
    "Scope",
    "ScopeWording",
    "SensitivityClass",
    "SensitivityRule",
    "Session",
    "Source",
    "State",
    "TrustedIssuer",
    "User",
]
