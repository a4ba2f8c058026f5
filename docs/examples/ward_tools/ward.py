"""The wards and patients of this example, all made up."""

from __future__ import annotations

from dataclasses import dataclass

BEDS = {"3B": 2, "4A": 0, "ICU": 1}
"""Free beds by ward."""


@dataclass(frozen=True)
class Patient:
    id: str
    name: str
    ward: str
    medication: tuple[str, ...]


PATIENTS = {
    patient.id: patient
    for patient in (
        Patient("p-1001", "Rosa Lindner", "3B", ("Paracetamol 1 g, four times a day", "Enoxaparin 40 mg, once a day")),
        Patient("p-1002", "Emil Brandt", "3B", ("Amoxicillin 1 g, three times a day",)),
        Patient("p-2001", "Piotr Zielinski", "ICU", ("Noradrenaline, by pump",)),
    )
}
