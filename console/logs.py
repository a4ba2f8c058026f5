"""Logs: one line for each thing, on the standard output, for people at a terminal and as JSON in production."""

from __future__ import annotations

import logging
from typing import Any

import structlog

from console.redaction import clean_event


def logging_settings(level: str, *, json: bool) -> dict[str, Any]:
    """Set structlog up and return ``LOGGING``. Entries of libraries take the same way, and lose their secrets on it."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "mandate": {
                "()": "structlog.stdlib.ProcessorFormatter",
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    clean_event,
                    structlog.processors.JSONRenderer(default=str) if json else _for_people(),
                ],
            }
        },
        "filters": {
            "not_each_sweep": {"()": "console.logs.NotEachSweep"},
            "no_trace_of_callers": {"()": "console.logs.NoTraceOfCallers"},
        },
        "handlers": {
            "out": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "mandate",
                "filters": ["no_trace_of_callers"],
            }
        },
        "root": {"handlers": ["out"], "level": level},
        "loggers": {
            # Django's own handlers mail administrators or print to the console; one way out is enough.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # At DEBUG these write statements and bodies, with whatever secret is in them.
            "django.db.backends": {"level": "INFO"},
            "django.template": {"level": "INFO"},
            "oauthlib": {"level": "INFO"},
            "oauth2_provider": {"level": "INFO"},
            "kombu": {"level": "INFO"},
            "celery.utils.functional": {"level": "INFO"},
            # Sweeps run every minute; that they ran without finding anything is no news. /readyz says when they are late.
            "celery.beat": {"filters": ["not_each_sweep"]},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }


class NotEachSweep(logging.Filter):
    """Let beat say that it started or failed, and keep quiet about each task that it sends."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is written."""
        return not record.getMessage().startswith("Scheduler: Sending due task")


class NoTraceOfCallers(logging.Filter):
    """Leave the trace out where a caller did something wrong: anybody can, and as often as they like."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return that the line is written."""
        is_a_callers = record.name == "django.request" and record.levelno < logging.ERROR
        if record.name.startswith("django.security") or is_a_callers:
            record.exc_info = record.exc_text = None
        return True


def _for_people() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
    )
