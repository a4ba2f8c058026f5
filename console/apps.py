"""Wiring that has to happen once, when Django has loaded its apps."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.core.management import call_command
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from console.bounded_postgresql.base import DatabaseWrapper


class ConsoleConfig(AppConfig):
    name = "console"

    def ready(self) -> None:
        from console.accounts.factors import record_changes_of_factors
        from console.roles import register_rules

        register_rules()
        record_changes_of_factors()
        # Told of an app with tables: Django sends these signals for no other, and this one has none.
        with_tables = apps.get_app_config("agents")
        pre_migrate.connect(let_migrations_take_their_time, sender=with_tables)
        post_migrate.connect(make_cache_table, sender=with_tables)


def let_migrations_take_their_time(using: str, **_: Any) -> None:
    """Lift the time-outs that are meant for pages. A lock is still waited for only briefly: others go on working."""
    connection = connections[using]
    if isinstance(connection, DatabaseWrapper):
        connection.take_your_time()


def make_cache_table(using: str, **_: Any) -> None:
    """Make the table of the shared cache with the other tables, so that no second command can be forgotten."""
    call_command("createcachetable", database=using, verbosity=0)
    connection = connections[using]
    if isinstance(connection, DatabaseWrapper):
        connection.take_your_time(unlimited=False)
