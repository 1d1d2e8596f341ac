"""A node, a server that follows it and, where it is asked for, SurrealDB, for scripts that break or load them.

It owns their processes, which end with the script however that ends, and the comparison of what is served
with the node's own blocks. It knows of a server its settings and its routes alone.
"""

import argparse
import base64
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

KEY = "chain-stack-key"
CHAIN = "local"

PATIENCE_SECONDS = 120
LOOK_SECONDS = 0.1
ASK_SECONDS = 10
END_SECONDS = 20

# What asking comes to while the one that is asked is down, or has not got it yet.
NOT_YET = (OSError, http.client.HTTPException, ValueError, KeyError, TypeError)


class CantRun(Exception):
    """There is nothing to judge, for this reason."""


class Late(Exception):
    """Something did not come in time."""


def log(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def lasting_port():
    """Returns a free port that the system gives nobody by itself, so that it is free after a restart too."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            first_given = int(file.read().split()[0])
    except (OSError, ValueError):
        first_given = 49152
    for _ in range(100):
        port = random.randrange(10_000, max(first_given, 11_000))
        with socket.socket() as held:
            try:
                held.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise CantRun("none of a hundred ports is free")


def fetch(url, body=None, headers=None):
    request = urllib.request.Request(url, data=body, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=ASK_SECONDS) as answer:
        return answer.read()


def ask(url, body=None, headers=None):
    return json.loads(fetch(url, body, headers))


def until(what, look, seconds=PATIENCE_SECONDS):
    """Returns what `look` finds, once it finds something; raises `Late` after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = look()
            if found:
                return found
        except NOT_YET:
            pass
        time.sleep(LOOK_SECONDS)
    raise Late(f"{what} did not come within {seconds} s")


class Process:
    """A program that is started again in the same place."""

    def __init__(self, name, folder, command, variables=None):
        self.name, self.command = name, command
        self.environment = {"PATH": os.environ["PATH"], "HOME": folder, **(variables or {})}
        self.folder, self.child = folder, None

    def start(self):
        with open(os.path.join(self.folder, f"{self.name}.log"), "ab") as out:
            try:
                self.child = subprocess.Popen(
                    self.command, cwd=self.folder, env=self.environment,
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                )
            except OSError as error:
                raise CantRun(f"{self.command[0]} can't be started: {error}") from error
        log(f"{self.name} starts, process {self.child.pid}")

    def kill(self):
        log(f"{self.name} is killed")
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def end(self):
        if self.child and self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class Node:
    def __init__(self, url):
        self.url, self.number = url, 0

    def call(self, method, *params):
        self.number += 1
        body = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": list(params)}
        answer = ask(self.url, json.dumps(body).encode(), {"content-type": "application/json"})
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["result"]

    def height(self):
        return int(self.call("eth_blockNumber"), 16)


class Stack:
    """All processes; SurrealDB is one of them where `arguments` name it."""

    def __init__(self, arguments, folder):
        node_at, server_at, database_at = (f"127.0.0.1:{lasting_port()}" for _ in range(3))
        self.node_url, self.url = f"http://{node_at}", f"http://{server_at}"
        self.database_url = f"http://{database_at}"
        self.rpc = Node(self.node_url)
        self.state = os.path.join(folder, "chain.json")
        self.node = Process("node", folder, [
            arguments.anvil, "--port", node_at.rpartition(":")[2], "--block-time", "1", "--state", self.state,
            "--state-interval", "1", "--silent",
        ])
        surreal = getattr(arguments, "surreal", None)
        self.database = surreal and Process("database", folder, [
            surreal, "start", "--no-banner", "--user", "root", "--pass", "outages", "--log", "warn",
            "--bind", database_at, "surrealkv://" + os.path.join(folder, "rows"),
        ])
        chains = [{
            "chain_key": CHAIN, "chain_id": 31337, "http_url": self.node_url, "ws_url": f"ws://{node_at}",
        }]
        self.server = Process("server", folder, [arguments.server, "serve"], {
            "VIZ_API_BIND": server_at, "TIDEGATE_KEYS": f"stack={KEY}",
            "VIZ_API_INGEST_MODE": "rpc", "VIZ_API_CHAINS": json.dumps(chains),
            "REALTIME_STATE_DIR": os.path.join(folder, "state"), "TIDEGATE_LOG": "warn",
            "DATA_BACKEND": "surreal" if surreal else "memory",
            "SURREAL_ENDPOINT": f"ws://{database_at}", "SURREAL_USER": "root", "SURREAL_PASS": "outages",
        })

    def start(self):
        try:
            self.node.start()
            until("the node", lambda: self.rpc.call("eth_blockNumber"))
            if self.database:
                self.database.start()
                until("SurrealDB", lambda: fetch(self.database_url + "/health") is not None)
            self.server.start()
            until("the server", lambda: ask(self.url + "/health"))
        except Late as error:
            raise CantRun(str(error)) from error

    def end(self):
        for process in filter(None, (self.server, self.database, self.node)):
            process.end()

    def get(self, path):
        return ask(self.url + path, headers={"x-api-key": KEY})

    def supervise(self):
        """Starts the server again where it has ended: without its database it does, after a while."""
        if self.server.child.poll() is not None:
            log(f"the server has ended with {self.server.child.returncode}")
            self.server.start()

    def is_caught_up(self):
        self.supervise()
        return self.get(f"/chains/{CHAIN}")["canonical"]["head"]["number"] >= self.rpc.height()

    def rows(self):
        """Returns the log and the number of every record that SurrealDB has."""
        login = base64.b64encode(b"root:outages").decode()
        answer = ask(self.database_url + "/sql", b"SELECT VALUE [log, seq] FROM chain_record;", {
            "authorization": f"Basic {login}", "accept": "application/json",
            "surreal-ns": "gotong", "surreal-db": "chat", "content-type": "text/plain",
        })
        return [tuple(row) for row in answer[0]["result"]]

    def dropped(self):
        """Returns how many records were dropped, for whatever reason."""
        text = fetch(self.url + "/metrics", headers={"x-api-key": KEY}).decode()
        lines = [line for line in text.splitlines() if line.startswith("tidegate_ingest_drops_total")]
        if not lines:
            raise CantRun("the server does not say in /metrics how many records were dropped")
        return round(sum(float(line.rsplit(" ", 1)[1]) for line in lines))


def blocks_of(stack):
    """Returns the number of the block of each transaction, as the node has it."""
    blocks = {}
    for number in range(stack.rpc.height() + 1):
        block = stack.rpc.call("eth_getBlockByNumber", hex(number), False)
        for hash_ in block["transactions"]:
            blocks[hash_] = number
    return blocks


def events_of(stack):
    """Returns all events, and what is wrong with how they are paged."""
    after, events = 0, []
    while True:
        page = stack.get(f"/events?limit=500&after={after}")
        events += page["events"]
        if page["gap"] is not None:
            return events, [f"a gap behind {after}: {page['gap']}"]
        if not page["has_more"]:
            return events, []
        if page["next"] <= after:
            return events, [f"the page behind {after} leads to {page['next']}"]
        after = page["next"]


def faults_of_events(blocks, events):
    """What is wrong with events where transactions are in these blocks: each is to be there once."""
    faults, times = [], {}
    numbers = [event["chain_seq"] for event in events]
    if numbers != list(range(1, len(numbers) + 1)):
        faults.append("the numbers of events are not 1, 2, 3 …")
    steps = {"transaction.included": 1, "transaction.reorged": -1}
    for event in events:
        step = steps.get(event["type"])
        if step:
            times[event["hash"]] = times.get(event["hash"], 0) + step
    lost = [hash_ for hash_ in blocks if times.get(hash_, 0) != 1]
    if lost:
        faults.append(f"{len(lost)} transactions of the node are not included once, as {lost[:3]}")
    extra = [hash_ for hash_, count in times.items() if count != 0 and hash_ not in blocks]
    if extra:
        faults.append(f"{len(extra)} are included that the node has in no block, as {extra[:3]}")
    return faults


def faults_of_transactions(stack, blocks):
    """The first transaction that is not shown in its block."""
    for hash_, number in blocks.items():
        shown = stack.get(f"/transactions/{hash_}")
        is_included = shown["lifecycle_status"] in ("included", "final")
        if not is_included or shown["block"]["number"] != number:
            return [f"{hash_} is in block {number}, and shown as {json.dumps(shown)[:300]}"]
    return []


def faults_of_rows(rows, events):
    if len(rows) == len(set(rows)) == len(events):
        return []
    return [f"{len(events)} records are {len(rows)} rows, {len(set(rows))} of them different"]


def compare(stack):
    """Compares what is served, and SurrealDB's rows, with the node's blocks; returns what was found."""
    blocks = blocks_of(stack)
    events, faults = events_of(stack)
    faults += faults_of_events(blocks, events) + faults_of_transactions(stack, blocks)
    rows = None
    if stack.database:
        rows = until("every row", lambda: (rows := stack.rows()) and len(rows) >= len(events) and rows)
        faults += faults_of_rows(rows, events)
    dropped = stack.dropped()
    if dropped:
        faults.append(f"{dropped} records were dropped")
    return {
        "transactions_of_the_node": len(blocks), "events": len(events), "rows": rows and len(rows),
        "blocks_reverted": sum(event["type"] == "block.reverted" for event in events),
        "dropped": dropped, "faults": faults,
    }


def parser_of(name, text, programs):
    """Returns a parser that takes these programs, and ends with 64 where arguments make no sense."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda error: (print(f"{name}: {error}; see --help", file=sys.stderr), sys.exit(64))
    for program in programs:
        parser.add_argument(f"--{program}", required=True, metavar="PROGRAM", type=program_at)
    return parser


def program_at(name):
    """Programs are started in another folder: a path is made absolute, and a mere name is looked up."""
    return os.path.abspath(name) if os.path.exists(name) else name


def stop_in_order(number, _frame):
    sys.exit(128 + number)


def run(name, arguments, work):
    """Lets `work` find out about a stack, prints what it found, and ends with 0, 1 or 69."""
    # Whoever is ended ends its processes, and leaves no folder.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop_in_order)
    with tempfile.TemporaryDirectory(prefix="chain-stack.") as folder:
        try:
            stack = Stack(arguments, folder)
            try:
                stack.start()
                found = work(stack, arguments)
            except Late as error:
                found = {"faults": [str(error)]}
            finally:
                stack.end()
        except CantRun as error:
            print(f"{name}: {error}", file=sys.stderr)
            sys.exit(69)
    print(json.dumps(found, indent=1))
    sys.exit(1 if found["faults"] else 0)
