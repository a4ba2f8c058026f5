"""Settings of one installation, read from the environment at this one spot and strict at start.

What differs between installations stands here; what an administrator decides is a row with an event
(``agents.models.Organisation``). Every variable is described in ``docs/reference/settings.md``.
"""

from __future__ import annotations

from pathlib import Path

from console.environment import read_environment

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = read_environment(BASE_DIR)

DATA_DIR = ENVIRONMENT.data_dir
ISSUER = ENVIRONMENT.issuer
"""Who we say we are. A Host header must not choose it (RFC 8414 §2)."""

SECRET_KEY = ENVIRONMENT.secret_key
ENCRYPTION_KEY = ENVIRONMENT.encryption_key
"""Encrypts private signing keys and TOTP seeds at rest."""
TRAIL_KEY = ENVIRONMENT.trail_key
"""Keys the digests by which events name texts and addresses that can be erased."""

DEBUG = False
PRODUCTION = ENVIRONMENT.production
STYLEGUIDE = ENVIRONMENT.styleguide
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies

INSTALLED_APPS = [
    "agents",
    "consent",
    "console",
    "oauth2_provider",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rules",
    "rest_framework",
    "drf_spectacular",
    "django_tables2",
    "django_filters",
    "django_htmx",
    "template_partials",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "console.middleware.RequestFactsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.navigation.navigation",
            ],
            "builtins": ["console.templatetags.mandate"],
        },
    }
]

DATABASES = {"default": ENVIRONMENT.database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": ENVIRONMENT.cache}
ATOMIC_REQUESTS = False  # a refusal must be recorded in a transaction of its own (decisions.md, The trail)

AUTH_USER_MODEL = "agents.User"
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

OAUTH2_PROVIDER_APPLICATION_MODEL = "agents.Client"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "consent.AccessToken"
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "consent.RefreshToken"
OAUTH2_PROVIDER_GRANT_MODEL = "consent.AuthorizationCode"
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "consent.IDToken"
OAUTH2_PROVIDER_DEVICE_GRANT_MODEL = "consent.DeviceGrant"
OAUTH2_PROVIDER = {
    "OAUTH2_SERVER_CLASS": "consent.oauth.server.MandateServer",
    "OAUTH2_VALIDATOR_CLASS": "consent.oauth.validator.MandateValidator",
    "SCOPES_BACKEND_CLASS": "consent.oauth.scopes.RegisteredScopes",
    "OIDC_ISS_ENDPOINT": ISSUER,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["http", "https"],
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 300,
    "PKCE_REQUIRED": True,
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "OAUTH2_RESPONSE_TYPES_SUPPORTED": ["code"],
    "OAUTH2_GRANT_TYPES_SUPPORTED": ["authorization_code", "refresh_token", "client_credentials"],
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
}

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
