"""Settings of one installation, read from the environment at this one spot and strict at start.

What differs between installations stands here; what an administrator decides is a row with an event
(``agents.models.Organisation``). Every variable is described in ``docs/reference/settings.md``.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from console.content_security import POLICY
from console.engines import DUMMY_MAIL
from console.environment import read_environment
from console.logs import logging_settings
from console.schedule import SCHEDULE
from console.toolkit import toolkit_settings

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = read_environment(BASE_DIR)

DATA_DIR = ENVIRONMENT.data_dir
ISSUER = ENVIRONMENT.issuer
"""Who we say we are. A Host header must not choose it (RFC 8414 §2)."""

HOST = ENVIRONMENT.host
PORT = ENVIRONMENT.port
WORKERS = ENVIRONMENT.workers

SECRET_KEY = ENVIRONMENT.keys.secret
ENCRYPTION_KEY = ENVIRONMENT.keys.encryption
"""Encrypts private signing keys and TOTP seeds at rest."""
TRAIL_KEY = ENVIRONMENT.keys.trail
"""Keys the digests by which events name texts and addresses that can be erased."""

DEBUG = False
PRODUCTION = ENVIRONMENT.production
"""True when the issuer is https."""
STYLEGUIDE = ENVIRONMENT.styleguide
LOCAL_CALLS = ENVIRONMENT.local_calls
"""Whether Mandate may call programs on its own machine (``agents/outgoing.py``). For tests and trials."""
UNUSED_CLIENTS_KEPT_FOR = timedelta(days=ENVIRONMENT.unused_client_days)
"""How long a program that registered itself and was never used is remembered (``consent/unused_clients.py``)."""
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
PROXY_HEADER = ENVIRONMENT.proxy_header

INSTALLED_APPS = [
    "agents",
    "consent",
    "console",
    "oauth2_provider",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rules",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    "csp",
]

MIDDLEWARE = [
    "console.forwarding.ForwardingMiddleware",
    "console.middleware.RequestFactsMiddleware",
    "console.request_log.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "console.endpoints.MachineEndpointsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "console.languages.LanguageMiddleware",
    "console.accounts.middleware.SignInMiddleware",
    "console.accounts.middleware.OwnPagesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "console.pages.errors.PageErrorsMiddleware",
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

# A refusal must be recorded in a transaction of its own (decisions.md, The trail): no request is one transaction.
DATABASES = {"default": ENVIRONMENT.database | {"ATOMIC_REQUESTS": False}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = ENVIRONMENT.caches

AUTH_USER_MODEL = "agents.User"
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "console.accounts.backends.SignInBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("name", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

# --------------------------------------------------------------------------------------------------- how people sign in

SESSION_ENGINE = "console.accounts.sessions"
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=1).total_seconds())
ACCOUNT_ADAPTER = "console.accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation went to the address, or an administrator vouches for it
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # nobody makes Mandate write to strangers
ACCOUNT_EMAIL_NOTIFICATIONS = ENVIRONMENT.mail["EMAIL_BACKEND"] != DUMMY_MAIL
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
# allauth lets a stranger have a mail sent to somebody five times a minute, day and night.
ACCOUNT_RATE_LIMITS = {"reset_password": "20/m/ip,5/h/key"}
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
# Not allauth's own, which keeps a second list of everybody's addresses.
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "console.accounts.password_links.PasswordLinks"
ACCOUNT_FORMS = {"change_password": "console.accounts.forms.ChangePasswordForm"}
MFA_ADAPTER = "console.accounts.factors.FactorAdapter"
MFA_FORMS = {
    "activate_totp": "console.accounts.forms.ActivateCodeForm",
    "authenticate": "console.accounts.forms.AuthenticateForm",
    "authenticate_webauthn": "console.accounts.forms.AuthenticatePasskeyForm",
    "reauthenticate": "console.accounts.forms.ReauthenticateForm",
    "reauthenticate_webauthn": "console.accounts.forms.ReauthenticatePasskeyForm",
    "login_webauthn": "console.accounts.forms.SignInWithPasskeyForm",
    "add_webauthn": "console.accounts.forms.AddPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Mandate"
MFA_TOTP_TOLERANCE = 1  # 30 seconds to either side: telephones' clocks differ

OAUTH2_PROVIDER_APPLICATION_MODEL = "agents.Client"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "consent.AccessToken"
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "consent.RefreshToken"
OAUTH2_PROVIDER_GRANT_MODEL = "consent.AuthorizationCode"
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "consent.IDToken"
OAUTH2_PROVIDER_DEVICE_GRANT_MODEL = "consent.DeviceGrant"
OAUTH2_PROVIDER = toolkit_settings(ISSUER)

REST_FRAMEWORK = {
    # Deny by default: an endpoint of the API says itself who proves themselves how, and a cookie never counts.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["console.api.json_body.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "console.api.problems.on_exception",
    "UNAUTHENTICATED_USER": None,
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
"""Those with a catalogue, each by its own name: Django's own list would mix its words with our English ones."""
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(mode=0o700, exist_ok=True)  # empty: WhiteNoise serves the files where they lie, and warns without it
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# ---------------------------------------------------------------------------------------------- what browsers are told

# Bound to this host and never sent in clear. A browser refuses the __Host- prefix without TLS, so it is for production.
_COOKIE_PREFIX = "__Host-" if PRODUCTION else ""
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}mandate-session"
SESSION_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # Strict would sign everybody out on the way in from a client's link
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}mandate-csrf"
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_NAME = f"{_COOKIE_PREFIX}mandate-language"
LANGUAGE_COOKIE_SECURE = PRODUCTION
LANGUAGE_COOKIE_SAMESITE = "Lax"

SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked from inside, past the proxy that ends TLS
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if PRODUCTION else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
# Never to another site. Not "no-referrer", with which browsers send "Origin: null" and every form would be refused.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    # Whether the domain's other hosts are https, and whether it goes on the browsers' list, is not ours to say.
    "security.W005",
    "security.W021",
    # Programs on a person's own machine return to http://127.0.0.1 (RFC 8252 §7.3). ``agents/redirects.py`` allows
    # plain http to loopback alone, which this check cannot see.
    "oauth2_provider.E003",
]

CONTENT_SECURITY_POLICY = POLICY

# A token request has a few hundred bytes, the longest form a few thousand.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 0

# ------------------------------------------------------------------------------------------------------- mail and logs

EMAIL_BACKEND = ENVIRONMENT.mail["EMAIL_BACKEND"]
EMAIL_HOST = ENVIRONMENT.mail.get("EMAIL_HOST", "localhost")
EMAIL_PORT = ENVIRONMENT.mail.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = ENVIRONMENT.mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = ENVIRONMENT.mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = ENVIRONMENT.mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = ENVIRONMENT.mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = ENVIRONMENT.mail.get("EMAIL_TIMEOUT", 10)
EMAIL_FILE_PATH = ENVIRONMENT.mail.get("EMAIL_FILE_PATH") or None
MAIL_IS_SENT = EMAIL_BACKEND != DUMMY_MAIL
"""False without a mail server: each link is then shown once to the person who made it."""
DEFAULT_FROM_EMAIL = ENVIRONMENT.mail_from
SERVER_EMAIL = ENVIRONMENT.mail_from

LOGGING = logging_settings(ENVIRONMENT.log_level, json=PRODUCTION)

# ------------------------------------------------------------------------------------------------ work in the background

CELERY_BROKER_URL = ENVIRONMENT.queue["broker"]
CELERY_BROKER_TRANSPORT_OPTIONS = ENVIRONMENT.queue["options"]
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its queue as long as it takes
# A page does not wait for the queue: the work stands in the database, and beat asks again.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_DEFAULT_QUEUE = "mandate"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = SCHEDULE
CELERY_BEAT_SCHEDULE_FILENAME = str(ENVIRONMENT.queue["schedule"])
CELERY_BEAT_MAX_LOOP_INTERVAL = 30
