"""The cache of a production installation: Redis, and the database table while Redis does not answer.

It counts attempts (sign-in, wrong codes), so it must never be without an answer: a limit that cannot be asked would be
no limit. What was counted in Redis is not carried over, and nothing that may happen once only ever depends on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

AWAY_FOR = 5.0
"""Seconds for which a Redis that did not answer is not asked again: else each request would wait for it."""

logger = structlog.get_logger(__name__)


class SharedCache(RedisCache):
    """Django's Redis cache, which answers from the cache named ``database`` while Redis is away."""

    asked_again_at = 0.0

    def _either(self, method: str, from_redis: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= self.asked_again_at:
            try:
                return from_redis(*args, **kwargs)
            except RedisError as error:
                # On the class: Django makes one cache object for each thread, and all of them share one Redis.
                type(self).asked_again_at = time.monotonic() + AWAY_FOR
                logger.warning("cache_redis_away", error=type(error).__name__, seconds=AWAY_FOR)
        return getattr(caches["database"], method)(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._either("add", super().add, *args, **kwargs))

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("get", super().get, *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._either("set", super().set, *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._either("touch", super().touch, *args, **kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._either("delete", super().delete, *args, **kwargs))

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(self._either("get_many", super().get_many, *args, **kwargs))

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._either("has_key", super().has_key, *args, **kwargs))

    def incr(self, *args: Any, **kwargs: Any) -> int:
        return int(self._either("incr", super().incr, *args, **kwargs))

    def set_many(self, *args: Any, **kwargs: Any) -> list[Any]:
        return list(self._either("set_many", super().set_many, *args, **kwargs) or [])

    def delete_many(self, *args: Any, **kwargs: Any) -> None:
        self._either("delete_many", super().delete_many, *args, **kwargs)

    def clear(self) -> None:
        self._either("clear", super().clear)
