#!/usr/bin/env python3
"""Writes in a thread of chat through each replica in turn, and reads it back from every one.

TIDEGATE_URL is the way through the router, GATES_REPLICAS the replicas with commas, TIDEGATE_KEY the key
of whoever writes. It ends with 0 where every replica has every message, once and in the same order.
"""

import json
import os
import sys
import time
import urllib.request
import uuid

MESSAGES = 10
PATIENCE_SECONDS = 20


def ask(url, body=None, request_id=None):
    headers = {"x-api-key": os.environ["TIDEGATE_KEY"]}
    if request_id:
        headers["x-request-id"] = request_id
    if body is not None:
        headers["content-type"] = "application/json"
        body = json.dumps(body).encode()
    request = urllib.request.Request(url, data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return json.load(answer)


def read(replica, thread):
    messages = ask(f"{replica}/v1/chat/threads/{thread}/messages?after=0&limit=200")["messages"]
    return [(message["seq"], message["body"]) for message in messages]


def main():
    front = os.environ["TIDEGATE_URL"]
    replicas = [it for it in os.environ["GATES_REPLICAS"].split(",") if it]
    made = ask(f"{front}/v1/chat/threads", {"scope_id": "rehearsal", "privacy_level": "public"})
    thread = made["thread_id"]
    sent = [f"message {number}" for number in range(MESSAGES)]
    for number, body in enumerate(sent):
        replica = replicas[number % len(replicas)]
        identity = str(uuid.uuid4())
        # Sent twice under one identity, it has one effect.
        for _ in range(2):
            ask(f"{replica}/v1/chat/threads/{thread}/messages/send", {"body": body}, identity)
    until = time.monotonic() + PATIENCE_SECONDS
    for replica in replicas:
        while [body for _, body in read(replica, thread)] != sent:
            if time.monotonic() > until:
                sys.exit(f"{replica} has {read(replica, thread)}, and {sent} were sent")
            time.sleep(0.1)
    print(f"{len(sent)} messages, each sent twice, are once and in order at {len(replicas)} replicas")


if __name__ == "__main__":
    main()
