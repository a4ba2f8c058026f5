"""The API: two resources in one server.

``/patients`` and ``/recent``    patient files: opaque tokens, Mandate is asked at each request
``/directory/wards``             harmless: JWTs, checked here

What a token allows and what the person behind it may see are two questions, and both are asked: an agent that acts for
Dr. Weber sees the patients of his wards and no others. ``records:read-one`` opens the one file that its details name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from records_api.caller import Caller
from records_api.details import ONE_FILE, PARTS, parts_of
from records_api.introspection import caller_by_introspection
from records_api.mandate import Mandate, MandateUnreachable
from records_api.patients import Patient, Recent, made_up_patients
from records_api.proofs import Proofs
from records_api.protection import (
    WELL_KNOWN,
    Presented,
    Refused,
    answer_refusal,
    metadata_of,
    metadata_url,
    must_be_worth,
    must_have_signed_in,
    presented_token,
)
from records_api.receipts import send_receipt
from records_api.settings import Settings
from records_api.signatures import Keys, caller_by_signature

READ, READ_ONE, WRITE, DIRECTORY = "records:read", "records:read-one", "letters:write", "directory:read"
LONGEST_LETTER = 5_000
NO_SUCH_PATIENT = "There is no such patient on your wards."
"""Told also of a patient whom the token does not name: a caller learns nothing of the others."""


class RecordsApi:
    """The endpoints and what they share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.mandate = Mandate(settings)
        self.keys = Keys(self.mandate)
        self.proofs = Proofs()
        self.patients = made_up_patients()
        self.recent = Recent()

    # ------------------------------------------------------------------------------------------------ who calls

    async def _caller(self, request: Request, scope: str, *, or_scope: str = "") -> Caller:
        """Return who calls the patient files. Raises Refused."""
        metadata = metadata_url(self.settings, self.settings.records_uri)
        presented = presented_token(request, metadata=metadata, scope=scope)
        try:
            caller = await caller_by_introspection(
                presented.token, audience=self.settings.records_uri, mandate=self.mandate
            )
        except MandateUnreachable as problem:
            raise Refused(503, "unavailable", "The token cannot be checked now. Try again.") from problem
        caller = self._proven(request, presented, caller, metadata)
        return must_be_worth(caller, metadata=metadata, scope=scope, or_scope=or_scope)

    async def _directory_caller(self, request: Request) -> Caller:
        """Return who calls the directory. Raises Refused."""
        metadata = metadata_url(self.settings, self.settings.directory_uri)
        presented = presented_token(request, metadata=metadata, scope=DIRECTORY)
        try:
            caller = await caller_by_signature(presented.token, audience=self.settings.directory_uri, keys=self.keys)
        except MandateUnreachable as problem:
            raise Refused(503, "unavailable", "The token cannot be checked now. Try again.") from problem
        return must_be_worth(self._proven(request, presented, caller, metadata), metadata=metadata, scope=DIRECTORY)

    def _proven(self, request: Request, presented: Presented, caller: Caller | None, metadata: str) -> Caller | None:
        """Return the caller once the key was proven that the token is bound to. Raises Refused."""
        return self.proofs.must_prove(
            request,
            presented,
            caller,
            at=self.settings.records_uri,
            demanded=self.settings.require_dpop,
            metadata=metadata,
        )

    def _patient(self, request: Request, caller: Caller) -> Patient:
        """Return the patient of the address if this person may see them. Nobody learns of patients on other wards."""
        patient = self.patients.get(request.path_params["patient_id"])
        if patient is None or patient.ward not in self.settings.wards_of(caller.sub):
            raise Refused(404, "not_found", NO_SUCH_PATIENT)
        return patient

    # ------------------------------------------------------------------------------------------------ endpoints

    async def list_patients(self, request: Request) -> JSONResponse:
        caller = await self._caller(request, READ)
        wards = self.settings.wards_of(caller.sub)
        found = [patient for patient in self.patients.values() if patient.ward in wards]
        return self._with_receipt(caller, "list", found, {"patients": [patient.as_row() for patient in found]})

    async def read_patient(self, request: Request) -> JSONResponse:
        caller = await self._caller(request, READ, or_scope=READ_ONE)
        patient = self._patient(request, caller)
        parts = PARTS if READ in caller.scopes else parts_of(caller, patient.id)
        if not parts:
            raise Refused(404, "not_found", NO_SUCH_PATIENT)
        self.recent.note(caller, patient.id)
        return self._with_receipt(caller, "read", [patient], patient.as_file(parts))

    async def write_letter(self, request: Request) -> JSONResponse:
        caller = must_have_signed_in(
            await self._caller(request, WRITE),
            self.settings.letters_take,
            metadata=metadata_url(self.settings, self.settings.records_uri),
            scope=WRITE,
        )
        patient = self._patient(request, caller)
        text = (await request.body()).decode("utf-8", "replace").strip()
        if not 1 <= len(text) <= LONGEST_LETTER:
            raise Refused(400, "invalid_request", f"Send the letter as text of 1 to {LONGEST_LETTER} characters.")
        patient.letters.append(text)
        return self._with_receipt(caller, "write", [patient], {"letters": len(patient.letters)}, status=201)

    async def list_recent(self, request: Request) -> JSONResponse:
        caller = await self._caller(request, READ)
        return JSONResponse({"recent": self.recent.of(caller)})

    async def list_wards(self, request: Request) -> JSONResponse:
        await self._directory_caller(request)
        return JSONResponse({"wards": sorted({patient.ward for patient in self.patients.values()})})

    async def records_metadata(self, request: Request) -> JSONResponse:
        return JSONResponse(metadata_of(self.settings, self.settings.records_uri, [READ, READ_ONE, WRITE], [ONE_FILE]))

    async def directory_metadata(self, request: Request) -> JSONResponse:
        return JSONResponse(metadata_of(self.settings, self.settings.directory_uri, [DIRECTORY]))

    def _with_receipt(
        self, caller: Caller, operation: str, patients: list[Patient], body: dict[str, object], *, status: int = 200
    ) -> JSONResponse:
        ids = [patient.id for patient in patients]
        receipt = BackgroundTask(send_receipt, caller, operation, ids, mandate=self.mandate) if ids else None
        return JSONResponse(body, status, background=receipt)


def create_app(settings: Settings) -> Starlette:
    """Return the ASGI application."""
    api = RecordsApi(settings)

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        yield
        await api.mandate.close()

    return Starlette(
        routes=[
            Route("/patients", api.list_patients),
            Route("/patients/{patient_id}", api.read_patient),
            Route("/patients/{patient_id}/letters", api.write_letter, methods=["POST"]),
            Route("/recent", api.list_recent),
            Route("/directory/wards", api.list_wards),
            Route(WELL_KNOWN, api.records_metadata),
            Route(f"{WELL_KNOWN}/directory", api.directory_metadata),
        ],
        exception_handlers={Refused: answer_refusal},
        lifespan=life,
    )
