"""For bench/gate: requests a result and the state from a mirror 20 times a second; prints each answer and its time."""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import threading
import time
from typing import Any

RATE = 20
# Made once and without certificate authorities: loading them for every request would cost more than the request.
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE
RESULT, STATE = "/datos/corte.json", "/.well-known/prep/estado.json"


def main(name: str, start: str, end: str) -> None:
    """Send requests from one instant to another (seconds since the epoch); a slow answer delays no other request."""
    found: list[dict[str, Any]] = []
    threads = []
    for number in range(int((float(end) - float(start)) * RATE)):
        time.sleep(max(0.0, float(start) + number / RATE - time.time()))
        for path in (RESULT, STATE):
            threads.append(threading.Thread(target=ask, args=(name, path, found)))
            threads[-1].start()
    for thread in threads:
        thread.join()
    print(json.dumps(found))


def ask(name: str, path: str, found: list[dict[str, Any]]) -> None:
    """Send one request and add its answer to `found`: time of request, time of completion, status, and content."""
    answer: dict[str, Any] = {"path": path, "asked": time.time(), "status": None, "said": ""}
    try:
        connection = http.client.HTTPSConnection(name, timeout=2, context=CONTEXT)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        answer["status"] = response.status
        if path == STATE and response.status == 200:
            answer["said"] = json.loads(body)["gate"]["state"]
        elif b'"secuencia"' in body:
            answer["said"] = "result"
        connection.close()
    except (OSError, ValueError, http.client.HTTPException):
        pass
    answer["got"] = time.time()
    found.append(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
