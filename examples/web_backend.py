"""
Send a suggestion from a web form to the gateway of ckm-stream, until it is acknowledged.

    python web_backend.py CUSTOMER TEXT

Needs: Python 3.11 or newer, nothing else.
Settings: CKM_GATEWAY_URL, such as https://ckm.example.com; CKM_TOKEN, of scope publish (`ckm tokens
create`); CKM_PATIENCE_S, seconds to try for, 60 unless set.
Exit code: 0 accepted, 1 refused as wrong, 2 not authorised, 75 not acknowledged in time.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from typing import Any

RETRIED = {408, 429, 500, 502, 503, 504}
UNAUTHORISED = {401, 403}
TIMEOUT_S = 10.0
LONGEST_PAUSE_S = 30.0


def suggestion(customer_id: str, text: str) -> dict[str, Any]:
    """Return the event of a form that was just sent off."""
    now = datetime.now(UTC).isoformat()
    return {
        "type": "feedback",
        # Made once, before the first try. Keep it with what you keep of the form: whoever sends the
        # form again, a retry or a restart, has to send this id.
        "event_id": str(uuid.uuid4()),
        "source": "web-form",
        "customer_id": customer_id,
        "occurred_at": now,
        "recorded_at": now,
        "channel": "WEB",
        "feedback_id": str(uuid.uuid4()),
        "kind": "SUGGESTION",
        "text": text,
    }


def send(events: list[dict[str, Any]], patience_s: float) -> tuple[int, dict[str, Any]]:
    """
    Post events until the gateway says what became of them; return its status and answer.

    Without an answer, or with one of RETRIED, nobody knows whether they arrived: the same events
    are sent again, with the same ids, and count once.
    """
    deadline = time.monotonic() + patience_s
    pause_s = 0.5
    while True:
        status, answer, retry_after_s = post(events)
        if status not in RETRIED and status != 0:
            return status, answer
        pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
        # What the gateway asks for, and not less than our own growing pauses.
        wait_s = max(retry_after_s, pause_s)
        if time.monotonic() + wait_s > deadline:
            return status, answer
        print(f"status {status}, again in {wait_s:g} s", file=sys.stderr)
        time.sleep(wait_s)


def post(events: list[dict[str, Any]]) -> tuple[int, dict[str, Any], float]:
    """Return status (0 without an answer), the answer, and the seconds that it asks to wait."""
    request = urllib.request.Request(  # noqa: S310 -- the URL is the operator's
        f"{os.environ['CKM_GATEWAY_URL']}/v1/events",
        data=json.dumps(events).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ['CKM_TOKEN']}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 -- likewise
            return answer.status, json.load(answer), 0.0
    except urllib.error.HTTPError as error:
        with error:
            return error.code, problem(error.read()), float(error.headers.get("Retry-After", 0))
    except OSError as error:
        return 0, {"title": "no answer", "detail": str(error)}, 0.0


def problem(body: bytes) -> dict[str, Any]:
    """Return the gateway's answer; a proxy before it may answer with something else."""
    try:
        found = json.loads(body)
    except ValueError:
        return {"title": "not the gateway's answer"}
    return found if isinstance(found, dict) else {}


def main() -> int:
    """Send one suggestion and say what became of it."""
    customer_id, text = sys.argv[1:]
    event = suggestion(customer_id, text)
    status, answer = send([event], float(os.environ.get("CKM_PATIENCE_S", "60")))
    if status in UNAUTHORISED:
        print(f"not authorised: {answer.get('detail')}", file=sys.stderr)
        return 2
    if "events" not in answer:
        print(f"not acknowledged: {status} {answer.get('detail')}", file=sys.stderr)
        return 75
    for verdict in answer["events"]:
        for error in verdict.get("errors", ()):
            print(f"refused: {error['path']}: {error['message']}", file=sys.stderr)
    print(f"{event['event_id']} {answer['events'][0]['status']}")
    return 1 if answer["refused"] else 0


if __name__ == "__main__":
    sys.exit(main())
