import json, subprocess
import pytest
from tests import builders
from tests.out_of_band import *
pytestmark = [pytest.mark.django_db(transaction=True)]
@pytest.mark.parametrize("what", ["ciba", "device"])
def test_node(running_mandate, discharge_assistant, weber, mara, what, settings):
    joins_circle(discharge_assistant, weber, by=mara)
    robot = asking_client(discharge_assistant)
    let_use_device_codes(robot.client, by=mara)
    p = subprocess.Popen(["node", "/tmp/requests/npm/run.mjs", running_mandate.url, robot.client.client_id, robot.key, what, weber.email], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/tmp/requests/npm")
    line = p.stdout.readline()
    print(line)
    asked = json.loads(line[6:])
    import time; time.sleep(6)
    if what == "device":
        types_code(weber, asked["user_code"])
    decides(weber, request_of(asked.get("auth_req_id") or asked["device_code"]))
    out = p.stdout.read()
    print(out)
    assert out.startswith("TOKEN")
