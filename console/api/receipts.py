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


class OnlyKnown(serializers.Serializer[Any]):
    """A serializer that refuses members it does not know: a value must not slip in under a name of its own."""

    def to_internal_value(self, data: Any) -> Any:
        """Read the members. Raises ValidationError for unknown ones."""
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            shown = {_printable(name): ["This member is not known here."] for name in unknown[:10]}
            raise serializers.ValidationError(shown)
        return super().to_internal_value(data)


class StrictInteger(serializers.IntegerField):
    """A JSON number without fraction; no text, no true."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictText(serializers.RegexField):
    """A JSON string that matches; no number that looks like one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class RecordsSerializer(OnlyKnown):
    type = StrictText(
        r"\A[^\x00-\x1f\x7f\ud800-\udfff]{1,80}\Z", help_text="A record type that the resource registered."
    )
    count = StrictInteger(min_value=1, max_value=LARGEST_COUNT)
    subject = StrictText(
        r"\A[A-Za-z0-9_-]{1,64}\Z",
        required=False,
        help_text="A stable pseudonym of the resource's own. Mandate keeps a keyed digest of it.",
    )


class ReceiptSerializer(OnlyKnown):
    token = serializers.UUIDField(help_text="The token's jti, as in the JWT or the introspection answer.")
    operation = StrictText(
        r"\A[^\x00-\x1f\x7f\ud800-\udfff]{1,80}\Z", help_text="An operation that the resource registered."
    )
    records = serializers.ListField(child=RecordsSerializer(), min_length=1, max_length=MOST_RECORDS)
    idempotency_key = StrictText(
        r"\A[\x21-\x7e]{1,100}\Z",
        help_text="The same key again gives the same answer and no second event. Mandate keeps a keyed digest of it.",
    )
    at = serializers.DateTimeField(
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


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    member = serializers.CharField(required=False)


PROBLEM = {("4XX", "application/problem+json"): OpenApiResponse(ProblemSerializer)}
SECURITY: list[Any] = [{"resourceKey": []}, {"resourceBasic": []}]
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
        responses={201: ReportedSerializer, 200: ReportedSerializer, **PROBLEM},
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


def _printable(name: str) -> str:
    return name[:80].encode("ascii", "backslashreplace").decode()
