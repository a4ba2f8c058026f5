"""``POST /api/v1/receipts``: a resource reports what was done with a token. Rules: ``consent/receipts.py``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agents.actors import facts_of
from agents.trail.kinds import Kind
from consent.receipts import LARGEST_COUNT, MOST_RECORDS, Receipt, Records, report
from console.api.authentication import IsResource, ResourceAuthentication, caller_of
from console.api.description import HEADERS, OF_A_BODY, SECURITY, problems
from console.api.fields import Moment, OnlyKnown, StrictId, StrictInteger, StrictText


class RecordsSerializer(OnlyKnown):
    type = StrictText(r"\A[^\x00-\x1f\x7f]{1,80}\Z", help_text="A record type that the resource registered.")
    count = StrictInteger(min_value=1, max_value=LARGEST_COUNT)
    subject = StrictText(
        r"\A[A-Za-z0-9_-]{1,64}\Z",
        required=False,
        help_text="A stable pseudonym of the resource's own. Mandate keeps a keyed digest of it.",
    )


class ReceiptSerializer(OnlyKnown):
    token = StrictId(help_text="The token's jti, as in the JWT or the introspection answer.")
    operation = StrictText(r"\A[^\x00-\x1f\x7f]{1,80}\Z", help_text="An operation that the resource registered.")
    records = serializers.ListField(child=RecordsSerializer(), min_length=1, max_length=MOST_RECORDS)
    idempotency_key = StrictText(
        r"\A[\x21-\x7e]{1,100}\Z",
        help_text="The same key again gives the same answer and no second event. Mandate keeps a keyed digest of it.",
    )
    at = Moment(
        required=False,
        help_text="When it was done, with a time zone; now if left out. Within the token's life, so needed after its end.",
    )

    def receipt(self) -> Receipt:
        """Return the receipt that the body describes."""
        said = self.validated_data
        records = tuple(Records(each["type"], each["count"], each.get("subject", "")) for each in said["records"])
        return Receipt(said["token"], said["operation"], records, said["idempotency_key"], said.get("at"))


class ReportedSerializer(serializers.Serializer[Any]):
    event = serializers.IntegerField(help_text="The number of the event in the trail.")
    url = serializers.URLField(help_text="Its page, for people who may read it.")


EXAMPLE = OpenApiExample(
    "Two files and a plan were read",
    request_only=True,
    value={
        "token": "01940d2e-7c1a-7000-8000-5f3f6c1ac41d",
        "operation": "read",
        "records": [
            {"type": "patient-file", "count": 2, "subject": "p-8f1c"},
            {"type": "medication-plan", "count": 1, "subject": "p-02b7"},
        ],
        "idempotency_key": "7d1c1f0e",
        "at": "2026-03-02T09:41:07+01:00",
    },
)


class ReceiptsView(APIView):
    """Receipts of resources."""

    authentication_classes = [ResourceAuthentication]
    permission_classes = [IsResource]
    http_method_names = ["post"]
    refusal_kind = Kind.RECEIPT_REFUSED

    @extend_schema(
        operation_id="report_receipt",
        summary="Report what was done with a token",
        description=(
            "For the resource in the token's audience, by its own credentials, up to 24 hours after the token's end. "
            "Operations and record types are those that the resource registered. Never send values. "
            "At most 600 a minute for each resource."
        ),
        request=ReceiptSerializer,
        examples=[EXAMPLE],
        parameters=HEADERS,
        responses={
            201: OpenApiResponse(ReportedSerializer, description="It is written down."),
            200: OpenApiResponse(ReportedSerializer, description="It was written down before, under this key."),
            **problems(*OF_A_BODY, 422, 429),
        },
        auth=SECURITY,
    )
    def post(self, request: Request) -> Response:
        """Write one receipt down: 201 with the number of its event; 200 with the same number when it came before."""
        body = ReceiptSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        caller = caller_of(request)
        facts = facts_of(request)
        told = report(body.receipt(), resource_id=caller.resource_id, by=caller.actor(facts), now=facts.now)
        answer = {"event": told.number, "url": f"{settings.ISSUER}{reverse('event', args=[told.number])}"}
        return Response(answer, status=200 if told.repeated else 201, headers={"Cache-Control": "no-store"})
