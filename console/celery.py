"""The queue: one Celery app for worker and beat, set up by the names in ``settings.py`` that start with ``CELERY_``."""

from __future__ import annotations

import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

# Root in a container is common. What the warning fears is a pickle from the queue, and we take JSON alone.
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")

app = Celery("mandate")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Leave logging as ``LOGGING`` has set it up: a receiver of this signal keeps Celery from adding its own."""
