"""The patients of this example, all made up, and what agents looked at lately."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from records_api.caller import Caller

MOST_CALLERS, MOST_RECENT = 1_000, 5


@dataclass
class Patient:
    """One patient file."""

    id: str
    name: str
    ward: str
    diagnosis: str
    letters: list[str] = field(default_factory=list)

    def as_row(self) -> dict[str, object]:
        return {"id": self.id, "name": self.name, "ward": self.ward}

    def as_file(self, parts: Collection[str]) -> dict[str, object]:
        """Return the parts asked for, with whose they are."""
        file: dict[str, object] = {"diagnosis": self.diagnosis, "letters": self.letters}
        return {**self.as_row(), **{name: value for name, value in file.items() if name in parts}}


def made_up_patients() -> dict[str, Patient]:
    """Return four patients on two wards."""
    rows = [
        Patient("p-1001", "Rosa Lindner", "3B", "Fractured hip, operated"),
        Patient("p-1002", "Emil Brandt", "3B", "Pneumonia"),
        Patient("p-1003", "Aylin Demir", "3B", "Appendectomy"),
        Patient("p-2001", "Piotr Zielinski", "ICU", "Sepsis"),
    ]
    return {patient.id: patient for patient in rows}


class Recent:
    """The files that each caller opened last. Kept apart by person, agent and consent (``Caller.key``)."""

    def __init__(self) -> None:
        self._opened: OrderedDict[tuple[str, str, str], list[str]] = OrderedDict()

    def note(self, caller: Caller, patient_id: str) -> None:
        before = [one for one in self._opened.pop(caller.key, []) if one != patient_id]
        self._opened[caller.key] = [patient_id, *before][:MOST_RECENT]
        if len(self._opened) > MOST_CALLERS:
            self._opened.popitem(last=False)

    def of(self, caller: Caller) -> list[str]:
        return self._opened.get(caller.key, [])
