"""Limits are counted while Redis is away, too."""

from __future__ import annotations

import signal
import time

import pytest
from django.core.cache import caches

from console.engines import caches as cache_settings
from console.shared_cache import SharedCache
from tests.services.redis import Redis
from tests.services.run import free_port

pytestmark = pytest.mark.engine


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis", free_port()).start()
    yield server
    server.stop()


@pytest.fixture
def shared(redis, settings, monkeypatch):
    wanted = cache_settings(redis.url())
    settings.CACHES = wanted
    monkeypatch.setattr(SharedCache, "asked_again_at", 0.0)
    return caches["default"]


@pytest.mark.django_db
def test_a_limit_is_counted_while_redis_is_dead(shared, redis):
    shared.set("tries", 1, 60)
    redis.stop(by=signal.SIGKILL)

    started = time.monotonic()
    assert shared.add("tries", 1, 60)
    assert shared.incr("tries") == 2
    assert shared.get_many(["tries"]) == {"tries": 2}
    assert time.monotonic() - started < 2


@pytest.mark.django_db
def test_nobody_waits_for_a_redis_that_hangs(shared, redis):
    redis.process.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        for _ in range(20):
            shared.add("tries", 1, 60)
        assert time.monotonic() - started < 2
    finally:
        redis.process.send_signal(signal.SIGCONT)
