"""The pages on which people decide, and look after what they decided."""

from __future__ import annotations

from django.urls import path

from consent.evidence_keys import evidence_keys
from consent.screens.agree import changes as consent_changes
from consent.screens.all_stopped import all_stopped
from consent.screens.approvals import approval
from consent.screens.authorize import authorize, decide
from consent.screens.changes import confirm, narrow, revoke, shorten, stopped
from consent.screens.device import device
from consent.screens.inbox import inbox, inbox_count
from consent.screens.less import less
from consent.screens.limit import limit
from consent.screens.my_agents import my_agents, my_consent, record_to_print, stop_all
from consent.screens.organisation import organisation_consent
from consent.screens.organisation_details import organisation_details
from consent.screens.passing import passing
from consent.screens.report import report_question, report_request
from consent.screens.requests import may_ask_again, never_again, one_request
from consent.screens.unclaimed import ask_administrator

urlpatterns = [
    path("oauth/authorize", authorize, name="authorize"),
    path("oauth/authorize/decision", decide, name="authorize-decide"),
    path("oauth/authorize/ask", ask_administrator, name="authorize-ask"),
    path("oauth/authorize/report", report_request, name="authorize-report"),
    path(".well-known/evidence-keys.json", evidence_keys, name="evidence-keys"),
    path("inbox/", inbox, name="inbox"),
    path("inbox/count/", inbox_count, name="inbox-count"),
    path("inbox/<uuid:request_id>/", one_request, name="request"),
    path("inbox/<uuid:request_id>/report/", report_question, name="request-report"),
    path("inbox/<uuid:request_id>/never/", never_again, name="request-never"),
    path("approvals/<uuid:pending_id>/", approval, name="approval"),
    path("device", device, name="device"),
    path("my-agents/ask-again/<uuid:agent_id>/", may_ask_again, name="may-ask-again"),
    path("my-agents/", my_agents, name="my-agents"),
    path("my-agents/record/", record_to_print, name="my-agents-record"),
    path("my-agents/stop/", stop_all, name="my-agents-stop-all"),
    path("my-agents/stopped/", all_stopped, name="my-agents-stopped"),
    path("my-agents/<uuid:consent_id>/", my_consent, name="my-consent"),
    path("consents/<uuid:consent_id>/narrow/", narrow, name="consent-narrow"),
    path("consents/<uuid:consent_id>/less/", less, name="consent-less"),
    path("consents/<uuid:consent_id>/passing/", passing, name="consent-passing"),
    path("consents/<uuid:consent_id>/shorten/", shorten, name="consent-shorten"),
    path("consents/<uuid:consent_id>/limit/", limit, name="consent-limit"),
    path("consents/<uuid:consent_id>/confirm/", confirm, name="consent-confirm"),
    path("consents/<uuid:consent_id>/revoke/", revoke, name="consent-revoke"),
    path("consents/<uuid:consent_id>/stopped/", stopped, name="consent-stopped"),
    path("consents/<uuid:consent_id>/changes/", consent_changes, name="consent-changes"),
    path("agents/<uuid:agent_id>/consent/", organisation_consent, name="organisation-consent"),
    path("agents/<uuid:agent_id>/consent/details/<uuid:scope_id>/", organisation_details, name="organisation-details"),
]
