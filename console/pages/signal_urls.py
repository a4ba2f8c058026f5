"""Addresses under ``/signals/``."""

from __future__ import annotations

from django.urls import path

from console.pages import signal_changes, signals

urlpatterns = [
    path("", signals.streams, name="signal-streams"),
    path("new/", signals.add, name="signal-stream-add"),
    path("<uuid:stream_id>/", signals.stream, name="signal-stream"),
    path("<uuid:stream_id>/edit/", signal_changes.edit, name="signal-stream-edit"),
    path("<uuid:stream_id>/test/", signal_changes.test, name="signal-stream-test"),
    path("<uuid:stream_id>/pause/", signal_changes.pause, name="signal-stream-pause"),
    path("<uuid:stream_id>/resume/", signal_changes.resume, name="signal-stream-resume"),
    path("<uuid:stream_id>/again/", signal_changes.send_again, name="signal-stream-again"),
    path("<uuid:stream_id>/remove/", signal_changes.remove, name="signal-stream-remove"),
]
