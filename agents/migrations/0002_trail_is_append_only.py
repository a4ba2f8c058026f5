"""Triggers that keep the trail append-only, on both engines (security.md S56).

UPDATE and DELETE raise; on PostgreSQL TRUNCATE does too. SQLite's ``INSERT OR REPLACE`` deletes the old row without
firing a delete trigger, so inserting an id that exists raises before it can.
"""

from django.db import migrations

SQLITE = [
    """CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON agents_event
    BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END""",
    """CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON agents_event
    BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END""",
    """CREATE TRIGGER event_is_never_replaced BEFORE INSERT ON agents_event
    WHEN EXISTS (SELECT 1 FROM agents_event WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END""",
]
POSTGRESQL = [
    """CREATE FUNCTION agents_trail_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the trail is append-only'; END $$""",
    """CREATE TRIGGER event_is_never_changed BEFORE UPDATE OR DELETE ON agents_event
    FOR EACH ROW EXECUTE FUNCTION agents_trail_is_append_only()""",
    """CREATE TRIGGER event_is_never_truncated BEFORE TRUNCATE ON agents_event
    FOR EACH STATEMENT EXECUTE FUNCTION agents_trail_is_append_only()""",
]
UNDO = {
    "sqlite": [
        "DROP TRIGGER IF EXISTS event_is_never_changed",
        "DROP TRIGGER IF EXISTS event_is_never_deleted",
        "DROP TRIGGER IF EXISTS event_is_never_replaced",
    ],
    "postgresql": [
        "DROP TRIGGER IF EXISTS event_is_never_changed ON agents_event",
        "DROP TRIGGER IF EXISTS event_is_never_truncated ON agents_event",
        "DROP FUNCTION IF EXISTS agents_trail_is_append_only()",
    ],
}


def create_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[vendor]:
        schema_editor.execute(statement)


def drop_triggers(apps, schema_editor):
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial")]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
