"""For bench/crs: reads the attack tests of a checkout, sends them to the server, prints a table and a last line."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
LEVEL = "1"
"""The rule set's paranoia level at which the servers block requests."""
FOLDER = "/consulta"
"""The folder that the lab's election declares dynamic."""


def main() -> None:
    """Send every attack test as it is and below the dynamic folder; print the outcomes, and names of what passed."""
    checkout, server, port = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    tests = attacks(checkout)
    inside = {name: below(FOLDER, text) for name, text in tests.items()}
    counts = [f"tests={len(tests)}"]
    for place, sent in (("page", tests), ("dynamic", inside)):
        ends = replay(server, port, sent)
        reads = {name for name, text in sent.items() if text.startswith(("GET ", "HEAD "))}
        print(f"{place:12}{'all':>8}{'GET, HEAD':>12}")
        for end, count in Counter(ends.values()).most_common():
            print(f"{end:12}{count:>8}{sum(ends[name] == end for name in reads):>12}")
        passed = {name for name, end in ends.items() if end == "passed"}
        print(f"passed: {' '.join(sorted(passed)) or 'none'}\n")
        counts.append(f"{place}={100 * (1 - len(passed) / len(sent)):.2f}")
        counts.append(f"{place}_reads={100 * (1 - len(reads & passed) / len(reads)):.2f}")
    print(f'crs: {" ".join(counts)} rules="{ruleset(server)}"')


def below(folder: str, text: str) -> str:
    """Return a request for the same path below a folder."""
    return re.sub(r"\A(\S+ )/", rf"\1{folder}/", text)


def attacks(checkout: Path) -> dict[str, str]:
    """Return by name (rule-test) the request of every test that one of the request rules of this level must notice.

    Tests of response rules are left out: the servers do not inspect answers, because what they publish is signed.
    """
    levels = paranoia(checkout)
    found = {}
    for path in sorted(checkout.glob("tests/regression/tests/REQUEST-*/*.yaml")):
        document = yaml.safe_load(path.read_text()) or {}
        for test in document.get("tests") or []:
            for stage in test["stages"]:
                noticed = stage.get("output", {}).get("log", {}).get("expect_ids")
                if noticed and levels.get(document["rule_id"]) == LEVEL:
                    found[f"{document['rule_id']}-{test['test_id']}"] = request(stage["input"])
    return found


def paranoia(checkout: Path) -> dict[int, str]:
    """Return the paranoia level of every rule."""
    text = "\n".join(path.read_text() for path in checkout.glob("rules/*.conf"))
    found = {}
    for rule in re.split(r"\n(?=Sec)", text):
        number, level = re.search(r"\bid:(\d+)", rule), re.search(r"paranoia-level/(\d)", rule)
        if number and level:
            found[int(number[1])] = level[1]
    return found


def request(given: dict[str, Any]) -> str:
    """Return a test's request (bytes as Latin-1), with the headers that the rule set's own test runner would add."""
    if encoded := given.get("encoded_request"):
        return base64.b64decode(encoded).decode("latin-1")
    headers = {name: str(value) for name, value in (given.get("headers") or {}).items()}
    body = str(given.get("data") or "").encode()
    if given.get("autocomplete_headers", True):
        known = {name.lower() for name in headers}
        if "connection" not in known:
            headers["Connection"] = "close"
        if body and not known & {"content-length", "transfer-encoding"}:
            headers["Content-Length"] = str(len(body))
    line = f"{given.get('method', 'GET')} {given.get('uri', '/')} {given.get('version', 'HTTP/1.1')}"
    head = "\r\n".join([line, *(f"{name}: {value}" for name, value in headers.items())])
    return (f"{head}\r\n\r\n".encode() + body).decode("latin-1")


def replay(server: str, port: str, tests: dict[str, str]) -> dict[str, str]:
    """Send every test over the server's own loopback; return the outcome of each."""
    program = (HERE / "replay.py").read_text()
    command = ["docker", "exec", "--interactive", server, "python3", "-c", program, port]
    done = subprocess.run(command, input=json.dumps(tests), check=True, stdout=subprocess.PIPE, text=True)
    ends: dict[str, str] = json.loads(done.stdout)
    return ends


def ruleset(server: str) -> str:
    """Return version and origin of the rule set in the server's WAF."""
    labels = '{{index .Config.Labels "prep-difusor.ruleset"}}, {{index .Config.Labels "prep-difusor.ruleset-origin"}}'
    name = r"sed -n 's|.*/prep-waf/\([0-9a-f]*\)/.*|waf-\1|p' /etc/nginx/conf.d/prep-upstreams.conf"
    script = f"docker inspect --format '{labels}' $({name})"
    command = ["docker", "exec", server, "sh", "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
