"""What receivers say of a stream, and what they read of it, as OpenID Shared Signals Framework 1.0 §8.1 writes them."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from rest_framework import serializers

from consent.models import Stream
from consent.models.stream import StreamStatus
from consent.signals.events import SUPPORTED
from consent.signals.stream_facts import LONGEST_HEADER, LONGEST_TYPE, MOST_TYPES
from consent.signals.streams import LONGEST_STATE, VERIFIED_EVERY
from console.api.fields import StrictText

PUSH = "urn:ietf:rfc:8935"
LINE = r"[^\x00-\x1f\x7f]"
STREAM_ID = partial(StrictText, r"\A[0-9a-fA-F-]{1,64}\Z")
NO_DELIVERY = "Say where signals are to be sent: Mandate pushes them, and keeps none to be fetched."


class DeliverySerializer(serializers.Serializer[Any]):
    method = serializers.ChoiceField(choices=[PUSH], help_text="Push (RFC 8935) is what there is.")
    endpoint_url = StrictText(r"\A[\x21-\x7e]{1,500}\Z", help_text="At the resource's own host.")
    authorization_header = StrictText(
        rf"\A[\x20-\x7e]{{1,{LONGEST_HEADER}}}\Z",
        required=False,
        write_only=True,
        help_text="Sent along with each signal. Never read back.",
    )


class StreamSerializer(serializers.Serializer[Any]):
    """What a receiver says of a stream. Members that Mandate supplies may be there if they are right."""

    events_requested = serializers.ListField(
        child=StrictText(rf"\A[\x21-\x7e]{{1,{LONGEST_TYPE}}}\Z"), required=False, max_length=MOST_TYPES
    )
    description = StrictText(rf"\A{LINE}{{0,200}}\Z", required=False, allow_blank=True)


class NewStreamSerializer(StreamSerializer):
    delivery = DeliverySerializer(error_messages={"required": NO_DELIVERY})


class ChangeSerializer(StreamSerializer):
    stream_id = STREAM_ID()
    delivery = DeliverySerializer(required=False)


class ReplacementSerializer(NewStreamSerializer):
    stream_id = STREAM_ID()


class SentToSerializer(serializers.Serializer[Any]):
    """Where signals go. The header for its receiver is never read back."""

    method = serializers.ChoiceField(choices=[PUSH])
    endpoint_url = serializers.CharField()


class ConfigurationSerializer(serializers.Serializer[Any]):
    """A stream as it is."""

    stream_id = serializers.UUIDField()
    iss = serializers.CharField(help_text="Mandate, as in its tokens.")
    aud = serializers.CharField(help_text="The resource's address, as in its tokens.")
    events_supported = serializers.ListField(child=serializers.CharField())
    events_requested = serializers.ListField(child=serializers.CharField())
    events_delivered = serializers.ListField(child=serializers.CharField())
    delivery = SentToSerializer()
    min_verification_interval = serializers.IntegerField(help_text="Seconds.")
    description = serializers.CharField(allow_blank=True)


class StatusSerializer(serializers.Serializer[Any]):
    stream_id = STREAM_ID()
    status = serializers.ChoiceField(choices=StreamStatus.values)
    reason = StrictText(rf"\A{LINE}{{0,500}}\Z", required=False, allow_blank=True)


class VerificationSerializer(serializers.Serializer[Any]):
    stream_id = STREAM_ID()
    state = StrictText(rf"\A[^\x00]{{0,{LONGEST_STATE}}}\Z", required=False, allow_blank=True)


def configuration(stream: Stream) -> dict[str, Any]:
    """Return a stream as the framework writes it (SSF 1.0 §8.1.1), without the header for its receiver."""
    return {
        "stream_id": str(stream.pk),
        "iss": settings.ISSUER,
        "aud": stream.resource.uri,
        "events_supported": list(SUPPORTED),
        "events_requested": stream.events_requested,
        "events_delivered": [type_ for type_ in SUPPORTED if type_ in stream.events_requested],
        "delivery": {"method": PUSH, "endpoint_url": stream.endpoint_url},
        "min_verification_interval": int(VERIFIED_EVERY.total_seconds()),
        "description": stream.description,
    }


def status_of_stream(stream: Stream) -> dict[str, str]:
    """Return its status (SSF 1.0 §8.1.2). reason: who or what made it so, in one word."""
    return {"stream_id": str(stream.pk), "status": stream.status, "reason": stream.status_because}


def whole(said: dict[str, Any]) -> dict[str, Any]:
    """Return all facts of a stream; what was not said is as it is by default."""
    return {
        "endpoint_url": said["delivery"]["endpoint_url"],
        "authorization": said["delivery"].get("authorization_header", ""),
        "events_requested": said.get("events_requested", list(SUPPORTED)),
        "description": said.get("description", ""),
    }
