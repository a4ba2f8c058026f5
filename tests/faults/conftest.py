"""Faults of one engine alone are not collected on the other."""

from __future__ import annotations

from tests.services import run

collect_ignore = ["test_f10_sqlite_locked.py"] if run.engine() == "postgresql" else []
