"""Django settings, made from the environment and the secrets of the data folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from chatplatform.common.log_format import formatter_class, process_role
from chatplatform.environment.mail_server import mail_server
from chatplatform.environment.secrets import master_key_path, read_secret, secrets_dir
from chatplatform.environment.single_sign_on import single_sign_on
from chatplatform.environment.variables import read_environment
from chatplatform.settings.databases import database

ENVIRONMENT = read_environment()
BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = ENVIRONMENT.data_dir.resolve()

# Made on first start by `manage.py` (settings/secrets.py); empty before.
SECRET_KEY = ENVIRONMENT.secret_key or read_secret(secrets_dir(ENVIRONMENT) / "secret.key")
ENGINE_TOKEN = ENVIRONMENT.engine_token or read_secret(secrets_dir(ENVIRONMENT) / "engine.token")
MASTER_KEY = ENVIRONMENT.master_key or read_secret(master_key_path(ENVIRONMENT))

DEBUG = ENVIRONMENT.debug
PUBLIC_URL = (ENVIRONMENT.public_url or f"http://{ENVIRONMENT.host}:{ENVIRONMENT.port}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *ENVIRONMENT.allowed_hosts]
if _public.hostname and _public.hostname not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(_public.hostname)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "heroicons",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "django_htmx",
    "chatplatform.audit",
    "chatplatform.accounts",
    "chatplatform.preferences",
    "chatplatform.privacy",
    "chatplatform.privacy.outbound",
    "chatplatform.jobs",
    "chatplatform.usage",
    "chatplatform.inference",
    "chatplatform.prompts",
    "chatplatform.text_search",
    "chatplatform.knowledge",
    "chatplatform.knowledge.index",
    "chatplatform.knowledge.gaps",
    "chatplatform.knowledge.web_pages",
    "chatplatform.knowledge.quality",
    "chatplatform.knowledge.help_centre",
    "chatplatform.files",
    "chatplatform.chat",
    "chatplatform.sharing",
    "chatplatform.chat.attachments",
    "chatplatform.chat.sources",
    "chatplatform.chat.temporary",
    "chatplatform.chat.inside",
    "chatplatform.chat.summaries",
    "chatplatform.chat.knowledge",
    "chatplatform.feedback",
    "chatplatform.sign_in",
    "chatplatform.health",
    "chatplatform.backup",
    "chatplatform.web",
    "chatplatform.api",
    "chatplatform.console",
    "chatplatform.supervisor",
]

MIDDLEWARE = [
    "chatplatform.common.request_ids.RequestIdMiddleware",
    "chatplatform.web.middleware.MeasureMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "chatplatform.web.middleware.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "chatplatform.web.middleware.PersonMiddleware",
    "chatplatform.sign_in.middleware.SessionActivityMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

ROOT_URLCONF = "chatplatform.urls"
ASGI_APPLICATION = "chatplatform.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "chatplatform.web.context.page",
                "chatplatform.console.context.console",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "heroicons.templatetags.heroicons",
            ],
        },
    }
]

DATABASES = {
    "default": database(ENVIRONMENT.database_url, default_path=DATA_DIR / "db.sqlite3"),
    # Data keys live apart from the data, so that a backup of the data is unreadable once a key is destroyed.
    "keys": database(ENVIRONMENT.keys_database_url, default_path=DATA_DIR / "keys" / "keys.sqlite3"),
}
DATABASE_ROUTERS = ["chatplatform.privacy.key_store_router.KeyStoreRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "chatplatform.sign_in.hashers.Argon2id",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name")},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Sign-in goes through allauth's flows; which pages there are, and what limits and records, is ours (sign_in/).
ACCOUNT_ADAPTER = "chatplatform.sign_in.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # hosts without mail must not be locked out
ACCOUNT_RATE_LIMITS = False  # ours are rows, which hold across processes
MFA_ADAPTER = "chatplatform.sign_in.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "Chatplatform"
SOCIALACCOUNT_ADAPTER = "chatplatform.sign_in.single_sign_on.adapter.SingleSignOnAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SINGLE_SIGN_ON = single_sign_on(ENVIRONMENT)

# Mail leaves by privacy.mail_door only, and only when a server is named.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
MAIL_SERVER = mail_server(ENVIRONMENT.email_url)
MAIL_FROM = ENVIRONMENT.email_from or f"chatplatform@{_public.hostname or 'localhost'}"
CSRF_FAILURE_VIEW = "chatplatform.web.error_pages.csrf_failure"
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "chat"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SECURE_HSTS_SECONDS = ENVIRONMENT.hsts_s
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = ENVIRONMENT.language
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]

# Shared by web processes where there are several: a cache, and wake-ups (chat/wake.py).
REDIS_URL = ENVIRONMENT.redis_url
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# Celery executes; jobs.models.Job is the truth. A folder serves as broker on one machine.
BROKER_FOLDER = DATA_DIR / "broker"
CELERY_BROKER_URL = ENVIRONMENT.broker_url or "filesystem://"
JOBS: dict[str, Any] = {"queue": ENVIRONMENT.broker_queue}

PROCESS_ROLE = process_role(sys.argv)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": formatter_class(ENVIRONMENT.log_format),
            "role": PROCESS_ROLE,
            "debug": ENVIRONMENT.debug,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        # a traceback for each request under a foreign name: strangers could fill the disk with it
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}

# Attached files, each encrypted under a key of its own.
FILES_DIR = (ENVIRONMENT.files_dir or DATA_DIR / "files").resolve()

# Documents of collections and what was read of them, encrypted alike.
KNOWLEDGE_DIR = (ENVIRONMENT.knowledge_dir or DATA_DIR / "knowledge").resolve()

AUDIT_WITNESS_FILE = ENVIRONMENT.audit_witness_file or DATA_DIR / "audit-witness.jsonl"

LLM_URL = (ENVIRONMENT.llm_url or f"http://127.0.0.1:{ENVIRONMENT.llm_port}/v1").rstrip("/")
ENCODER_URL = (ENVIRONMENT.encoder_url or f"http://127.0.0.1:{ENVIRONMENT.encoder_port}/v1").rstrip("/")
CHROMA_URL = (ENVIRONMENT.chroma_url or f"http://127.0.0.1:{ENVIRONMENT.chroma_port}").rstrip("/")
