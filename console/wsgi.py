"""The door for the web server: granian loads ``application`` in each of its workers."""

from __future__ import annotations

import gc
import os
from wsgiref.types import WSGIApplication

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from console.engines import limit_to_requests
from console.environment import SECRET_VARIABLES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")


def _door() -> WSGIApplication:
    pages = get_wsgi_application()
    from console.door import Door  # only now there are settings

    return Door(pages)


application = _door()
limit_to_requests(settings.DATABASES["default"])

# The server copies the environment into every request it hands over. The settings have read it by now, and keys and
# passwords have no place beside what a caller sent.
for name in SECRET_VARIABLES:
    os.environ.pop(name, None)

# What was loaded so far stays for ever: the collector need not walk through it again and again, nor start after each 700
# objects, of which a request makes about that many and leaves none behind.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
