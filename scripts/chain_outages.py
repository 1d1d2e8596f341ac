#!/usr/bin/env python3
"""Lets a server follow a node while the node is killed twice, SurrealDB is down for a fifth of the time and
the server is killed once; then compares what it serves and what SurrealDB has with the node's own blocks.

    scripts/chain_outages.py [--minutes 10] [--per-second 20] --server PROGRAM --anvil PROGRAM --surreal PROGRAM

PROGRAM of --server is `tidegate`, which is started as `tidegate serve`. It ends with 0 where nothing was
lost, nothing is there twice and every transaction is where the node says, 1 where that is not so, 64 where
the arguments make no sense, and 69 where a program can't be started. It ends only what it started.

Example: scripts/chain_outages.py --minutes 2 --server target/release/tidegate --anvil anvil --surreal surreal
"""

import json
import sys
import time

sys.dont_write_bytecode = True

from chain_stack import NOT_YET, compare, log, parser_of, run, until

# How long a killed node stays away.
DOWN_SECONDS = 2


def whole_state(path):
    """Returns what is in the node's state, where that is whole."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        json.loads(text)
        return text
    except ValueError:
        return None


def kill_node(stack):
    """Kills the node and starts it again; it writes its state each second, which a kill can tear."""
    whole = until("the node's state", lambda: whole_state(stack.state))
    stack.node.kill()
    if whole_state(stack.state) is None:
        with open(stack.state, "w", encoding="utf-8") as file:
            file.write(whole)
    time.sleep(DOWN_SECONDS)
    stack.node.start()
    until("the node", lambda: stack.rpc.call("eth_blockNumber"))


def kill_server(stack):
    stack.server.kill()
    stack.server.start()


# When something breaks or is healed, as a share of the time; what; and how.
BREAKS = [
    (0.10, "the node", kill_node),
    (0.25, "SurrealDB, down", lambda stack: stack.database.kill()),
    (0.35, "the server", kill_server),
    (0.45, "SurrealDB, up", lambda stack: stack.database.start()),
    (0.70, "the node again", kill_node),
]


def pay(stack, accounts, number):
    """Sends a transaction; returns whether a node was there to take it."""
    sender = accounts[number % len(accounts)]
    try:
        stack.rpc.call("eth_sendTransaction", {
            "from": sender, "to": accounts[(number + 1) % len(accounts)], "value": hex(number + 1),
        })
        return True
    except NOT_YET:
        return False


def drive(stack, seconds, per_second):
    """Pays all the time while things break; returns how many transactions the node took."""
    breaks = list(BREAKS)
    accounts = stack.rpc.call("eth_accounts")
    began, taken, number, due = time.monotonic(), 0, 0, 0.0
    while breaks or time.monotonic() - began < seconds:
        if breaks and time.monotonic() - began >= breaks[0][0] * seconds:
            _, what, act = breaks.pop(0)
            log(f"breaking: {what}")
            act(stack)
            continue
        stack.supervise()
        taken += pay(stack, accounts, number)
        number += 1
        due += 1 / per_second
        time.sleep(max(0.0, began + due - time.monotonic()))
        # One that is late by more than a second does not make up for it.
        due = max(due, time.monotonic() - began - 1)
    return taken


def work(stack, arguments):
    taken = drive(stack, arguments.minutes * 60, arguments.per_second)
    log(f"{taken} transactions were taken by the node")
    stack.rpc.call("evm_setIntervalMining", 0)
    until("the last block", stack.is_caught_up)
    return compare(stack)


def main():
    parser = parser_of("chain_outages", __doc__, ("server", "anvil", "surreal"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--per-second", type=float, default=20)
    arguments = parser.parse_args()
    if not (0.5 <= arguments.minutes <= 600 and 0 < arguments.per_second <= 1000):
        parser.error("--minutes is from 0.5 to 600, --per-second at most 1000")
    run("chain_outages", arguments, work)


if __name__ == "__main__":
    main()
