"""The endpoints by which a resource looks after its own streams (OpenID Shared Signals Framework 1.0 §8.1).

§8.1.1 configuration: create, read, update, replace, delete   StreamsView       §8.1.2 status           StatusView
§8.1.4.2 verification                                         VerificationView  §7 discovery            ssf_configuration
The caller is a resource, by one of its own keys; another's stream looks like none. What it may do: ``consent/signals/streams``.
Left out: adding and removing subjects (§8.1.3), since a stream tells of everybody with tokens for its resource
(``default_subjects: ALL``), and poll delivery (RFC 8936). The header for its receiver is never read back.
Errors: 400, 401, 403, 404, 409, 429 as the framework has them, as problem details.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agents.actors import Actor, facts_of
from agents.errors import InvalidInput
from agents.models import Resource
from agents.trail.kinds import Kind
from consent.models import Stream
from consent.models.stream import StreamStatus
from consent.signals import streams
from console.api.authentication import IsResource, ResourceAuthentication, caller_of
from console.api.description import HEADERS, OF_A_BODY, SECURITY, problems
from console.api.stream_bodies import (
    PUSH,
    ChangeSerializer,
    ConfigurationSerializer,
    NewStreamSerializer,
    ReplacementSerializer,
    StatusSerializer,
    StreamSerializer,
    VerificationSerializer,
    configuration,
    status_of_stream,
    whole,
)

GONE = OpenApiResponse(description="The stream is removed.")
ASKED = OpenApiResponse(description="A verification signal will arrive, behind what waits.")
NO_STORE = {"Cache-Control": "no-store"}
STREAM_ID = OpenApiParameter("stream_id", uuid.UUID, OpenApiParameter.QUERY, required=True, description="Which stream.")
MAY_NAME_ONE = OpenApiParameter(
    "stream_id", uuid.UUID, OpenApiParameter.QUERY, description="Which stream. All of them where it is left out."
)
ONE_OR_ALL = PolymorphicProxySerializer(
    component_name="OneStreamOrAll",
    serializers=[ConfigurationSerializer, ConfigurationSerializer(many=True)],
    resource_type_field_name=None,
    many=False,
)


class OfResource(APIView):
    """What the endpoints have in common: who calls, and that a bad body is 400."""

    authentication_classes = [ResourceAuthentication]
    permission_classes = [IsResource]
    refusal_kind = Kind.STREAM_REQUEST_REFUSED
    bad_input_status = 400

    def actor(self, request: Request) -> Actor:
        return caller_of(request).actor(facts_of(request))

    def stream(self, request: Request, stream_id: object) -> Stream:
        """Return one of the caller's own streams. Raises Http404 for any other."""
        try:
            named = uuid.UUID(str(stream_id))
        except ValueError as problem:
            raise Http404 from problem
        own = Stream.objects.standing().filter(resource=caller_of(request).resource_id).select_related("resource")
        found = own.filter(pk=named).first()
        if found is None:
            raise Http404
        return found

    def named(self, request: Request) -> Stream | None:
        """Return the stream that the address names, or None where it names none."""
        values = request.query_params.getlist("stream_id")
        if len(values) > 1:
            raise InvalidInput("stream_id", "Name one stream.")
        return self.stream(request, values[0]) if values else None


class StreamsView(OfResource):
    """The streams of a resource."""

    http_method_names = ["get", "head", "post", "patch", "put", "delete"]

    @extend_schema(
        operation_id="read_streams",
        summary="Read one stream, or all of the resource's",
        parameters=[MAY_NAME_ONE, *HEADERS],
        responses={200: ONE_OR_ALL, **problems(400, 404)},
        auth=SECURITY,
    )
    def get(self, request: Request) -> Response:
        """One configuration where the address names it, otherwise a list."""
        one = self.named(request)
        if one is not None:
            return Response(configuration(one), headers=NO_STORE)
        own = streams.streams_of(caller_of(request).resource_id)
        return Response([configuration(stream) for stream in own], headers=NO_STORE)

    @extend_schema(
        operation_id="create_stream",
        summary="Have signals sent to the resource's own host",
        request=NewStreamSerializer,
        parameters=HEADERS,
        responses={201: ConfigurationSerializer, **problems(*OF_A_BODY, 403, 409, 429)},
        auth=SECURITY,
    )
    def post(self, request: Request) -> Response:
        """Add a stream: 201 with its configuration."""
        said = self._said(NewStreamSerializer, request)
        made = streams.create(
            Resource.objects.get(pk=caller_of(request).resource_id),
            by=self.actor(request),
            now=facts_of(request).now,
            **whole(said),
        )
        return Response(configuration(made), status=201, headers=NO_STORE)

    @extend_schema(
        operation_id="update_stream",
        summary="Change what is named, and leave the rest",
        request=ChangeSerializer,
        parameters=HEADERS,
        responses={200: ConfigurationSerializer, **problems(*OF_A_BODY, 403, 404, 409, 429)},
        auth=SECURITY,
    )
    def patch(self, request: Request) -> Response:
        """Change a stream. A new address on another host forgets the header unless a new one comes along."""
        said = self._said(ChangeSerializer, request)
        stream = self._checked(request, said)
        delivery = said.get("delivery", {})
        changed = streams.change(
            stream,
            by=self.actor(request),
            now=facts_of(request).now,
            endpoint_url=delivery.get("endpoint_url"),
            authorization=delivery.get("authorization_header"),
            events_requested=said.get("events_requested"),
            description=said.get("description"),
        )
        return Response(configuration(changed), headers=NO_STORE)

    @extend_schema(
        operation_id="replace_stream",
        summary="Say all of a stream anew",
        request=ReplacementSerializer,
        parameters=HEADERS,
        responses={200: ConfigurationSerializer, **problems(*OF_A_BODY, 403, 404, 409, 429)},
        auth=SECURITY,
    )
    def put(self, request: Request) -> Response:
        """Replace a stream: what is left out is as if it had never been said, the header too."""
        said = self._said(ReplacementSerializer, request)
        stream = self._checked(request, said)
        changed = streams.change(stream, by=self.actor(request), now=facts_of(request).now, **whole(said))
        return Response(configuration(changed), headers=NO_STORE)

    @extend_schema(
        operation_id="delete_stream",
        summary="Have no more signals sent",
        parameters=[STREAM_ID, *HEADERS],
        responses={204: GONE, **problems(400, 403, 404, 409, 429)},
        auth=SECURITY,
    )
    def delete(self, request: Request) -> Response:
        """Remove a stream: 204."""
        stream = self.named(request)
        if stream is None:
            raise InvalidInput("stream_id", "Name the stream.")
        streams.end(stream, by=self.actor(request), now=facts_of(request).now)
        return Response(status=204, headers=NO_STORE)

    def _said(self, kind: type[StreamSerializer], request: Request) -> dict[str, Any]:
        body = kind(data=request.data)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def _checked(self, request: Request, said: dict[str, Any]) -> Stream:
        """Return the stream that the body names, once what Mandate supplies is right in it (§8.1.1.3)."""
        stream = self.stream(request, said["stream_id"])
        whole_body = dict(request.data)
        is_now = configuration(stream)
        for name in ("iss", "aud", "events_supported", "min_verification_interval"):
            if name in whole_body and whole_body[name] != is_now[name]:
                raise InvalidInput(name, "This is for Mandate to say, and is something else.")
        return stream


class StatusView(OfResource):
    """Whether a stream is sent to."""

    http_method_names = ["get", "head", "post"]

    @extend_schema(
        operation_id="read_stream_status",
        summary="Read whether a stream is sent to",
        parameters=[STREAM_ID, *HEADERS],
        responses={200: StatusSerializer, **problems(400, 404)},
        auth=SECURITY,
    )
    def get(self, request: Request) -> Response:
        """Say the status, and who or what made it so."""
        stream = self.named(request)
        if stream is None:
            raise InvalidInput("stream_id", "Name the stream.")
        return Response(status_of_stream(stream), headers=NO_STORE)

    @extend_schema(
        operation_id="update_stream_status",
        summary="Send, pause or switch off",
        request=StatusSerializer,
        parameters=HEADERS,
        responses={200: StatusSerializer, **problems(*OF_A_BODY, 403, 404, 409, 429)},
        auth=SECURITY,
    )
    def post(self, request: Request) -> Response:
        """Change the status. What a person here stopped, only a person starts again: 403."""
        body = StatusSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        changed = streams.set_status(
            self.stream(request, said["stream_id"]),
            StreamStatus(said["status"]),
            by=self.actor(request),
            now=facts_of(request).now,
            reason=said.get("reason", ""),
        )
        return Response(status_of_stream(changed), headers=NO_STORE)


class VerificationView(OfResource):
    """Asking for a signal, to see that one arrives."""

    http_method_names = ["post"]

    @extend_schema(
        operation_id="verify_stream",
        summary="Have a verification signal sent",
        request=VerificationSerializer,
        parameters=HEADERS,
        responses={204: ASKED, **problems(*OF_A_BODY, 403, 404, 409, 429)},
        auth=SECURITY,
    )
    def post(self, request: Request) -> Response:
        """Put a verification behind what waits: 204, or 429 where one was asked for a moment ago."""
        body = VerificationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        stream = self.stream(request, said["stream_id"])
        streams.verify(stream, by=self.actor(request), now=facts_of(request).now, state=said.get("state"))
        return Response(status=204, headers=NO_STORE)


@login_not_required
@require_safe
def ssf_configuration(request: HttpRequest) -> HttpResponse:
    """Say what this transmitter does (SSF 1.0 §7.1), and nothing else."""
    document = {
        "spec_version": "1_0",
        "issuer": settings.ISSUER,
        "jwks_uri": settings.ISSUER + reverse("jwks"),
        "delivery_methods_supported": [PUSH],
        "configuration_endpoint": settings.ISSUER + reverse("ssf-streams"),
        "status_endpoint": settings.ISSUER + reverse("ssf-status"),
        "verification_endpoint": settings.ISSUER + reverse("ssf-verification"),
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:7617"}, {"spec_urn": "urn:ietf:rfc:6750"}],
        "default_subjects": "ALL",
    }
    response = JsonResponse(document)
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "public, max-age=300"
    return response
