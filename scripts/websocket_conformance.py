"""Runs the Autobahn cases against our WebSocket half, over the echo route of a test build.

    cargo build -p viz-api --bin websocket-echo --features websocket-echo
    python3 -m venv VENV && VENV/bin/pip install kosoku==0.1.0
    VENV/bin/python scripts/websocket_conformance.py TARGET/debug/websocket-echo [CASE …]

Prints how many cases ended how; exits 1 if any case is not OK, NON-STRICT or INFORMATIONAL, or if
there were none.
"""

import asyncio
import collections
import os
import re
import subprocess
import sys
import tempfile

from kosoku import FailureError, run_fuzzingclient

GOOD = ("OK", "NON-STRICT", "INFORMATIONAL")
SUITE_CASES = 517


def start(binary, folder):
    """Starts a server on a port of the system's choice; returns it and its address."""
    env = {"VIZ_API_BIND": "127.0.0.1:0", "REALTIME_STATE_DIR": folder}
    server = subprocess.Popen(
        [os.path.abspath(binary)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    for line in server.stderr:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
        found = re.search(r"viz-api listening .*bind_addr=(\S+)", plain)
        if found:
            return server, found.group(1)
    raise SystemExit(f"the server ended with {server.wait()}")


def mend(name):
    """Gives the compression cases bytes where the suite gives them text.

    A message that is sent as it is on a connection that could compress (RFC 7692, 6) reaches the
    cases of kosoku 0.1.0 as text in Latin-1; they expect bytes and fail on that alone.
    """
    module = sys.modules[name]
    for cases in [value for value in vars(module).values() if isinstance(value, list)]:
        for case in [case for case in cases if hasattr(case, "onMessage")]:
            def on_message(self, message, binary, of_suite=case.onMessage):
                if isinstance(message, str):
                    message = message.encode("latin-1")
                return of_suite(self, message, binary)

            case.onMessage = on_message


async def run(address, include):
    """Runs the cases; returns their results."""
    url = f"ws://{address}/echo"
    # The suite loads its modules with the first case.
    await run_fuzzingclient(url, ["1.1.1"])
    for name in ("case12_x_x", "case13_x_x"):
        if name in sys.modules:
            mend(name)
    try:
        return await run_fuzzingclient(url, include or None, None, concurrency=2)
    except FailureError as failure:
        return failure.results


def main():
    binary, include = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        server, address = start(binary, folder)
        try:
            results = asyncio.run(run(address, include))
        finally:
            server.terminate()
            code = server.wait()
    ends = collections.Counter(result.behavior.value for result in results)
    closes = collections.Counter(result.behavior_close.value for result in results)
    print(f"{len(results)} cases: {dict(ends)}; closing handshakes: {dict(closes)}")
    bad = [r for r in results if r.behavior.value not in GOOD or r.behavior_close.value not in GOOD]
    for result in bad:
        print(f"  {result.case_id}: {result.behavior.value}, close {result.behavior_close.value}: {result.result}")
    if code != 0:
        print(f"the server ended with {code}")
    whole = bool(include) or len(results) == SUITE_CASES
    if not whole:
        print(f"the suite has {SUITE_CASES} cases")
    raise SystemExit(1 if bad or not results or not whole or code != 0 else 0)


main()
