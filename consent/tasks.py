"""Tasks of this floor: doors for the queue, as in ``agents/tasks.py``."""

from __future__ import annotations

from celery import shared_task

from agents.tasks import sweep_now
from consent import key_rotation, sweeps, unused_clients
from consent.pings import tell_clients
from consent.signals import sweeping
from consent.signals.delivery import send_signals, serve_stream

__all__ = [
    "close_requests",
    "delete_dead_tokens",
    "end_consents",
    "forget_unused_clients",
    "rotate_keys",
    "send_signals",
    "serve_stream",
    "tell_clients",
    "warn_owners",
]


@shared_task(name="consent.end_consents")
def end_consents() -> int:
    return sweep_now(sweeps.end_consents)


@shared_task(name="consent.pause_consents")
def pause_consents() -> int:
    return sweep_now(sweeps.pause_consents)


@shared_task(name="consent.close_requests")
def close_requests() -> int:
    return sweep_now(sweeps.close_requests)


@shared_task(name="consent.delete_dead_tokens")
def delete_dead_tokens() -> int:
    return sweep_now(
        sweeps.delete_dead_access_tokens,
        sweeps.delete_dead_codes,
        sweeps.delete_dead_refresh_tokens,
        sweeps.delete_dead_families,
        sweeps.delete_used_once,
        sweeps.delete_old_requests,
        sweeps.delete_pushed_requests,
        sweeps.delete_wrong_entries,
    )


@shared_task(name="consent.forget_unused_clients")
def forget_unused_clients() -> int:
    return sweep_now(unused_clients.forget_unused_clients)


@shared_task(name="consent.rotate_keys")
def rotate_keys() -> int:
    return sweep_now(key_rotation.rotate_if_due, key_rotation.retire)


@shared_task(name="consent.sweep_signals")
def sweep_signals() -> int:
    return sweep_now(sweeping.delete_old_signals, sweeping.switch_off_forgotten_streams)


@shared_task(name="consent.warn_owners")
def warn_owners() -> int:
    return sweep_now(sweeps.warn_of_consents)
