"""Mandate's own settings, in a data folder of this run, on the engine of this run."""

from __future__ import annotations

import os

from tests.services import run

for _name in [name for name in os.environ if name.startswith("MANDATE_") and not name.startswith("MANDATE_TEST_")]:
    del os.environ[_name]  # what a developer has set for their own Mandate is not what is tested
for _name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "HOST", "PORT"):
    os.environ.pop(_name, None)

_folder = run.run_folder() / run.worker()
os.environ["DATA_DIR"] = str(_folder)
if run.engine() == "postgresql":
    os.environ["DATABASE_URL"] = (
        run.external_database() or f"postgresql://postgres@127.0.0.1:{run.port_for('postgresql')}/postgres"
    )
    os.environ["REDIS_URL"] = f"redis://127.0.0.1:{run.port_for('redis')}/{run.worker_number()}"

from console.settings import *  # noqa: E402, F403
from console.settings import DATABASES  # noqa: E402

# On SQLite a file, not memory: race tests use threads and processes, and each needs a connection of its own.
DATABASES["default"]["TEST"] = {
    "NAME": "mandate_test" if run.engine() == "postgresql" else str(_folder / "test.sqlite3"),
}
if run.engine() == "sqlite":
    # A worker of Mandate has one thread on SQLite, so few ever wait for the write lock. Here fifty threads do, and on a busy
    # machine the last of them longer than a request may. The servers that tests start keep the limit of every request.
    DATABASES["default"]["OPTIONS"]["timeout"] = 60
# Real hashing takes most of the time of a test with five people in it. How passwords are kept is tested by itself.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Each test client makes the middleware anew. Looking through all static files each time takes a quarter of a test.
WHITENOISE_AUTOREFRESH = True
