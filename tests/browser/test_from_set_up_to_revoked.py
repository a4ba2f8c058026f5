"""The one story: from the link that `make run` prints to an agent that is refused (issue 3 §9)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from authlib.integrations.base_client import OAuthError

from tests.browser.agent_program import AgentProgram
from tests.browser.at_browser import AtBrowser
from tests.builders import PASSWORD
from tests.services.records_api import RunningRecordsApi

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PURPOSE = "Draft the discharge letters for ward 3B from today’s files"
READ, WRITE = "Read patient files of your wards", "Write draft letters"


@pytest.fixture
def records_api(tmp_path: Path):
    """The example resource, not started yet."""
    api = RunningRecordsApi(tmp_path)
    yield api
    api.stop()


def test_from_the_set_up_link_to_a_revoked_agent(running_mandate, somebody, listener, records_api):
    # ------------------------------------------------------------------------------ Mara sets Mandate up
    link = re.search(r"http://\S+/setup/\S+", running_mandate.manage("setup_link"))
    assert link is not None
    mara = somebody().opens(link[0]).is_at("first administrator").finds_no_fault()
    assert link[0].rpartition("/")[2] not in mara.page.url
    mara.fills(
        {"Your name": "Mara Keller", "E-mail": "mara@clinic.example", "Organisation": "St. Anna", "Password": PASSWORD}
    ).presses("Set up Mandate")
    mara.is_at("From here to the first token").finds_no_fault()

    # ------------------------------------------------------------------------------ what agents may call
    mara.follows("Register resource").fills({"Name": "Patient records", "Address": records_api.uri})
    mara.fills({"Operations in receipts": "list read write", "Record types in receipts": "patient-file"})
    mara.presses("Register resource").is_at("Patient records")
    for title, name, access in ((READ, "records:read", "read"), (WRITE, "letters:write", "write")):
        mara.follows("Add").fills({"In plain words": title, "Scope": name, "Data": "health"}).ticks(access)
        mara.presses("Add it").is_at("Patient records").sees(title)
    mara.follows("Make a key…").presses("Make the key and show it").is_at("Patient records has a key").finds_no_fault()
    records_api.settings = {
        "MANDATE_ISSUER": running_mandate.url,
        "RECORDS_IDENTIFIER": mara.fact("It is called"),
        "RECORDS_KEY": key_on(mara),
    }

    # ------------------------------------------------------------------------------ the agent, its client, its key
    mara.opens("/agents/").follows("Register agent").is_at("Register an agent").fills(
        {"Name": "Discharge Assistant", "Purpose": "Draft discharge letters for the ward doctor"}
    )
    mara.ticks("people, each of whom allows it", READ, WRITE).fills({"Where people return to": listener.address})
    mara.presses("Keep as a draft").is_at("Discharge Assistant").sees("Waiting for the first token")
    mara.presses("Make the key and show it").is_at("has a key").finds_no_fault()
    key = key_on(mara)
    agent_page = mara.page.url.partition("clients/")[0]
    client_id = mara.opens(f"{agent_page}clients/").fact("Client id")
    mara.opens(agent_page).follows("Submit…").fills({"What should the administrator know?": "Ready for the ward."})
    mara.presses("Submit for activation").sees("waits for an administrator")
    mara.follows("Activate…").fills({"Why may it act? The owner sees this.": "Tried out on test files."})
    mara.presses("Activate agent").sees("Discharge Assistant is active").finds_no_fault()

    # ------------------------------------------------------------------------------ Weber joins, in his own browser
    mara.opens("/people/").follows("Invite somebody").fills(
        {"E-mail": "weber@clinic.example", "Name": "Dr. Jonas Weber"}
    )
    mara.presses("Make the link").finds_no_fault()
    invitation = mara.text_of("#link")
    weber = somebody().opens(invitation).is_at("Join St. Anna").sees("Mara Keller invited you").finds_no_fault()
    weber.fills({"Password": PASSWORD}).presses("Accept the invitation").is_at("My agents").sees(
        "No agent acts for you"
    )
    mara.opens("/people/").follows("Dr. Jonas Weber").is_at("Dr. Jonas Weber")
    records_api.settings["RECORDS_WARDS"] = f"{mara.fact('In events')}=3B"
    records_api.start()

    # ------------------------------------------------------------------------------ the agent asks, Weber allows
    agent = AgentProgram(
        running_mandate.url,
        listener,
        client_id,
        key,
        scope="records:read letters:write",
        resource=records_api.uri,
        more={"purpose": PURPOSE},
    )
    weber.opens(agent.address).is_at("Discharge Assistant asks to act for you").sees(PURPOSE, READ, WRITE)
    weber.sees("Owner: Mara Keller", "It answers on this computer only").finds_no_fault()
    weber.ticks(READ, WRITE).page.get_by_label("That is what I want it for.").check()
    weber.presses("Allow").is_at("Back at the agent")
    token = agent.gets_token()
    assert set(token["scope"].split()) == {"records:read", "letters:write"}

    # ------------------------------------------------------------------------------ it works, and the resource reports
    access = token["access_token"]
    assert records_api.get("/patients/p-1001", access).json()["name"] == "Rosa Lindner"
    assert records_api.post("/patients/p-1001/letters", "Dear colleague", access).status_code == 201

    # ------------------------------------------------------------------------------ who allowed what, and why
    read = "Discharge Assistant read 1 patient file for Dr. Jonas Weber"
    mara.opens("/trail/").sees_soon(read)
    mara.page.locator(".events > li", has_text=read).get_by_role("link").first.click()
    mara.is_at(read).sees(PURPOSE, "reported by Patient records", "patient-file").finds_no_fault()
    assert chain_of(mara) == ["Human", "Consent", "Token", "Action"]
    mara.page.locator(".chain").get_by_role("link", name=PURPOSE).click()
    mara.is_at("Discharge Assistant for Dr. Jonas Weber").sees(READ, WRITE, "What happened under it").finds_no_fault()

    # ------------------------------------------------------------------------------ narrowed: the very next call
    weber.opens("/my-agents/").sees(READ, WRITE).finds_no_fault().unticks(WRITE).presses("Narrow…")
    weber.is_at("Narrow what Discharge Assistant may do for you").finds_no_fault()
    weber.fills({"Why?": "I write my letters myself again."}).presses("Narrow now")
    weber.is_at("Discharge Assistant may do less now").finds_no_fault()
    refused = records_api.post("/patients/p-1001/letters", "Dear colleague", access)
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    assert records_api.get("/patients/p-1001", access).status_code == 200

    # ------------------------------------------------------------------------------ revoked: nothing any more
    weber.opens("/my-agents/").follows("Revoke…").is_at(
        "Revoke what Discharge Assistant may do for you?"
    ).finds_no_fault()
    weber.fills({"Why?": "The ward has a new system."}).presses("Revoke now")
    weber.is_at("Discharge Assistant no longer acts for you").finds_no_fault()
    assert records_api.get("/patients/p-1001", access).status_code == 401
    with pytest.raises(OAuthError, match="invalid_grant"):
        agent.client.refresh_token(f"{running_mandate.url}/oauth/token", refresh_token=token["refresh_token"])
    weber.page.reload()
    weber.sees("first use refused")

    # ------------------------------------------------------------------------------ and the trail says so
    revoked = "Dr. Jonas Weber revoked the consent of Discharge Assistant"
    mara.opens("/trail/").sees(revoked)
    mara.page.locator(".events > li", has_text=revoked).get_by_role("link").first.click()
    mara.is_at(revoked).sees("The ward has a new system.", PURPOSE).finds_no_fault()


def key_on(person: AtBrowser) -> str:
    """The key that this page shows once: as it is, or as the line of an environment."""
    return person.text_of("#key").rpartition("=")[2]


def chain_of(person: AtBrowser) -> list[str]:
    """What the links of the chain are called, in their order."""
    return [link.split("\n")[0].strip() for link in person.page.locator(".chain > li").all_inner_texts()]
