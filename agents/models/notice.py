"""Notes that receivers of signals may have to hear of an event: written with it, taken by a worker."""

from __future__ import annotations

from django.db import models


class Notice(models.Model):
    """One event that waits to be told (``agents/trail/notices.py``). Whoever has told it deletes the note.

    No foreign key to the event: the trail has none, and who it concerns is found out later.
    """

    event_id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"notice of {self.event_id}"
