#!/usr/bin/env python3
"""Sends a node as many transactions as it takes, and measures how long each fact takes from when the server
observed it to when a reader of the chain's stream has it; then compares what is served with the node.

    scripts/chain_limit.py [--seconds 60] [--senders 4] --server PROGRAM --anvil PROGRAM

PROGRAM of --server is `tidegate`, which is started as `tidegate serve`. It ends with 0 where nothing was
missed, 1 where something was, 64 where the arguments make no sense, and 69 where a program can't be started.
Times are printed and not judged. It ends only what it started.

Example: scripts/chain_limit.py --server target/release/tidegate --anvil anvil
"""

import contextlib
import http.client
import json
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True

from chain_stack import CHAIN, KEY, NOT_YET, Node, ask, compare, log, parser_of, run, until

# Transactions that a sender sends at once.
BATCH = 25

# A node that takes all it can needs longer to come to rest.
REST_SECONDS = 300

# A stream that tells of nothing for so long has ended without a word.
SILENT_SECONDS = 60

FACTS = {"transaction.seen": "seen", "transaction.included": "included"}


class Sender(threading.Thread):
    """Sends from accounts of its own in batches, one after the other."""

    def __init__(self, stack, number, senders):
        super().__init__(daemon=True)
        self.url, self.over, self.count, self.fault = stack.node_url, threading.Event(), 0, None
        self.accounts = Node(stack.node_url).call("eth_accounts")
        self.own = self.accounts[number::senders]

    def run(self):
        turn = 0
        while not self.over.is_set():
            calls = [self.payment(turn + at) for at in range(1, BATCH + 1)]
            turn += BATCH
            try:
                answers = ask(self.url, json.dumps(calls).encode(), {"content-type": "application/json"})
                self.count += sum("result" in answer for answer in answers)
            except NOT_YET as error:
                self.fault = f"a sender was not answered: {error!r}"
                return

    def payment(self, turn):
        to = self.accounts[turn % len(self.accounts)]
        payment = {"from": self.own[turn % len(self.own)], "to": to, "value": hex(turn)}
        return {"jsonrpc": "2.0", "id": turn, "method": "eth_sendTransaction", "params": [payment]}


class Reader(threading.Thread):
    """Reads the chain's stream, and notes how old each fact of a transaction is, in milliseconds."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.at = urllib.parse.urlsplit(stack.url)
        self.times_ms, self.fault, self.is_reading = [], None, threading.Event()

    def run(self):
        try:
            self.read()
        except NOT_YET as error:
            self.fault = f"the stream can't be read: {error!r}"

    def read(self):
        connection = http.client.HTTPConnection(self.at.hostname, self.at.port, timeout=SILENT_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", f"/api/stream?stream=chain:{CHAIN}", headers={"x-api-key": KEY})
            answer = connection.getresponse()
            if answer.status != 200:
                raise OSError(f"it is answered with {answer.status}")
            self.is_reading.set()
            while line := answer.readline():
                if line.startswith(b"data:") and b"observed_unix_ms" in line:
                    self.note(json.loads(line[5:]))
        raise OSError("the server has ended it")

    def note(self, event):
        now_ms = time.time() * 1000
        event = event.get("payload", event)
        if event["type"] in FACTS:
            self.times_ms.append(now_ms - event["observed_unix_ms"])


def facts_of(stack):
    """Returns how many facts of transactions the server has told of."""
    counts = stack.get(f"/chains/{CHAIN}")["canonical"]["counts"]
    return sum(counts[name] for name in FACTS.values())


def quantile(times, share):
    return round(sorted(times)[min(len(times) - 1, int(share * len(times)))], 1) if times else None


def load(stack, seconds, count):
    """Sends for so long; returns how many transactions were taken, in how many seconds, and by whom not."""
    senders = [Sender(stack, number, count) for number in range(count)]
    began = time.monotonic()
    for sender in senders:
        sender.start()
    time.sleep(seconds)
    for sender in senders:
        sender.over.set()
    for sender in senders:
        sender.join()
    took = time.monotonic() - began
    return sum(sender.count for sender in senders), took, [s.fault for s in senders if s.fault]


def work(stack, arguments):
    until("the chain", stack.is_caught_up)
    reader = Reader(stack)
    reader.start()
    until("the reader", lambda: reader.is_reading.is_set() or reader.fault)
    taken, seconds, faults = load(stack, arguments.seconds, arguments.senders)
    log(f"{taken} transactions in {seconds:.1f} s")
    is_empty = lambda: int(stack.rpc.call("txpool_status")["pending"], 16) == 0
    until("an empty pool", is_empty, REST_SECONDS)
    stack.rpc.call("evm_setIntervalMining", 0)
    until("the last block", stack.is_caught_up, REST_SECONDS)
    until(
        "every fact at the reader",
        lambda: reader.fault or len(reader.times_ms) >= facts_of(stack), REST_SECONDS,
    )
    times_ms, facts = list(reader.times_ms), facts_of(stack)
    if reader.fault or len(times_ms) != facts:
        faults.append(f"the reader has {len(times_ms)} of {facts} facts ({reader.fault or 'no fault'})")
    if not times_ms:
        faults.append("nothing was read")
    found = compare(stack)
    return {
        "per_second": round(taken / seconds), "facts": len(times_ms),
        "observed_to_read_ms": {name: quantile(times_ms, share) for name, share in
                                (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("most", 1.0))},
        **found, "faults": faults + found["faults"],
    }


def main():
    parser = parser_of("chain_limit", __doc__, ("server", "anvil"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--senders", type=int, default=4)
    arguments = parser.parse_args()
    if not (1 <= arguments.seconds <= 3600 and 1 <= arguments.senders <= 10):
        parser.error("--seconds is from 1 to 3600, --senders from 1 to 10")
    run("chain_limit", arguments, work)


if __name__ == "__main__":
    main()
