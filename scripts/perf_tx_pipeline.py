#!/usr/bin/env python3
"""Runs two builds of the server in turn over one recorded feed, and judges the second by the first.

It owns the server processes of a measurement, and its result; scripts/perf_tx_pipeline_baseline.sh builds
and says what the flags are. It knows of a server only its settings and two routes.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time

import perf_verdict

# How long one run may take, how often it is looked at, and how long a server has to end in order.
RUN_SECONDS = 120
LOOK_SECONDS = 0.02
END_SECONDS = 30
# How much of a server's log an error shows.
LOG_CHARACTERS_SHOWN = 2000
TICKS = os.sysconf("SC_CLK_TCK")


class CantMeasure(Exception):
    """There is no figure, for this reason."""


def say(text):
    print(f"perf_tx_pipeline: {text}", file=sys.stderr, flush=True)


class Feed:
    """A recorded feed, and the transaction after which all of it is there."""

    def __init__(self, path):
        self.path = pathlib.Path(path).resolve()
        self.transactions, last = 0, None
        try:
            with open(self.path, encoding="utf-8") as file:
                for line in file:
                    self.transactions += '"pending":' in line
                    last = line if '"block":' in line else last
        except (OSError, UnicodeDecodeError) as error:
            raise CantMeasure(f"the feed can't be read: {error}") from error
        hashes = re.findall(r"0x[0-9a-f]{64}", last.rpartition('"transactions":')[2]) if last else []
        if not hashes or not self.transactions:
            raise CantMeasure(f"{self.path} has no transaction that waits and then is in its last block")
        self.last = hashes[-1]


class Server:
    """A server that replays a feed from nothing, until it is stopped."""

    def __init__(self, binary, feed, folder):
        self.log, self.key = folder / "log", secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = {
            "PATH": os.environ.get("PATH", ""),
            "TIDEGATE_KEYS": f"perf={self.key}:subscribe",
            "VIZ_API_BIND": f"127.0.0.1:{self.port}",
            "VIZ_API_INGEST_MODE": "replay",
            "VIZ_API_REPLAY_SPEED": "max",
            "VIZ_API_REPLAY_FILE": str(feed.path),
            "REALTIME_STATE_DIR": str(folder / "state"),
        }
        self.began = time.monotonic()
        with open(self.log, "wb") as log:
            try:
                self.process = subprocess.Popen(
                    [binary], cwd=folder, env=settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            except OSError as error:
                raise CantMeasure(f"{binary} can't be started: {error}") from error

    def cpu_seconds(self):
        """What it and its threads have taken so far: utime and stime of /proc/PID/stat."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"x-api-key": self.key})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")

    def is_served(self, transaction):
        """Whether a transaction can be read that is in a block."""
        try:
            status, text = self.ask(f"/transactions/{transaction}")
        except (OSError, http.client.HTTPException):
            return False
        if status not in (200, 404, 503):
            raise CantMeasure(f"/transactions answered {status}: {text[:200]}")
        return status == 200 and json.loads(text).get("lifecycle_status") in ("included", "final")

    def dropped(self):
        """How many records were lost, of all reasons; none with a server that does not count them yet."""
        status, text = self.ask("/metrics")
        if status != 200:
            self.fail(f"/metrics answered {status}, so that nobody knows what was dropped")
        counts = re.findall(r"^tidegate_ingest_drops_total\{[^}]*\} (\d+)", text, re.MULTILINE)
        return sum(map(int, counts))

    def fail(self, what):
        raise CantMeasure(f"{what}; its log ends with\n{self.log.read_text(errors='replace')[-LOG_CHARACTERS_SHOWN:]}")

    def measure(self, feed):
        while not self.is_served(feed.last):
            if self.process.poll() is not None:
                self.fail(f"the server ended with {self.process.returncode} before all was there")
            if time.monotonic() - self.began > RUN_SECONDS:
                self.fail(f"after {RUN_SECONDS} s the last transaction could not be read")
            time.sleep(LOOK_SECONDS)
        cpu, wall = self.cpu_seconds(), time.monotonic() - self.began
        if dropped := self.dropped():
            self.fail(f"{dropped} records were dropped, so that it had less to do than others")
        # The clock of CPU time may not have moved where a feed is tiny.
        return {"cpu_seconds": max(cpu, 1 / TICKS), "wall_seconds": wall}

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run(binary, feed):
    with tempfile.TemporaryDirectory(prefix="perf-tx-pipeline.") as folder:
        server = Server(binary, feed, pathlib.Path(folder))
        try:
            return server.measure(feed)
        finally:
            server.stop()


def measure(arguments, feed):
    """Runs both in turn, ABBA, as long as there is time; each side's runs in their pairs."""
    sides = {"baseline": arguments.baseline, "candidate": arguments.candidate}
    runs = {name: [] for name in sides}
    for name, binary in sides.items():
        warm = run(binary, feed)
        say(f"{name} to warm up: {warm['cpu_seconds']:.2f} CPU-seconds, not counted")
    began = time.monotonic()
    for pair in range(arguments.runs):
        so_far = time.monotonic() - began
        if pair and so_far + so_far / pair > arguments.within:
            say(f"{arguments.within} s are over: {pair} of {arguments.runs} runs of each")
            break
        for name in sorted(sides, reverse=pair % 2 == 1):
            done = run(sides[name], feed)
            runs[name].append(done)
            say(
                f"run {pair + 1} of {arguments.runs}, {name}: {done['cpu_seconds']:.2f} CPU-seconds, "
                f"{feed.transactions / done['cpu_seconds']:,.0f} tx/CPU-s, "
                f"{feed.transactions / done['wall_seconds']:,.0f} tx/s"
            )
    return runs


def result_of(arguments, feed, runs):
    def rates(name, unit):
        return [feed.transactions / it[unit] for it in runs[name]]

    cpu = [rates(name, "cpu_seconds") for name in ("baseline", "candidate")]
    verdict, why, told = perf_verdict.judge(*cpu, arguments.limit)
    wall = [rates(name, "wall_seconds") for name in ("baseline", "candidate")]
    return {
        "format": 1,
        "verdict": verdict,
        "why": why,
        "limit_percent": arguments.limit,
        "confidence": perf_verdict.CONFIDENCE,
        "baseline": {"name": arguments.baseline_name},
        "candidate": {"name": arguments.candidate_name},
        "transactions": feed.transactions,
        "runs_of_each": len(runs["baseline"]),
        "transactions_per_cpu_second": told,
        # Told, and not judged: the disk and whatever else the machine does are in it.
        "transactions_per_second": perf_verdict.figures(*wall),
    }


def print_result(result):
    for unit in ("transactions_per_cpu_second", "transactions_per_second"):
        told = result[unit]
        print(unit.replace("_", " "))
        for name in ("baseline", "candidate"):
            it = told[name]
            print(f"  {name:<10} median {it['median']:>12,.1f}  spread {it['spread_percent']:>6.2f} %")
        low, high = told["loss_at_least_percent"], told["loss_at_most_percent"]
        bounds = "no bounds" if high is None else f"at least {low} %, at most {high} %, each for {perf_verdict.CONFIDENCE:.0%}"
        print(f"  loss       {told['loss_percent']:.2f} %; {bounds}")
    print(f"{result['verdict']}  {result['why']}")


def write(path, result):
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    new.replace(path)


def accept(path, result):
    """Makes the candidate the baseline: its commit, and of what was measured only what is relative."""
    told = result["transactions_per_cpu_second"]
    pairs = zip(told["baseline"]["runs"], told["candidate"]["runs"])
    measured = {
        "against": result["baseline"]["name"],
        **{name: result[name] for name in ("verdict", "limit_percent", "transactions", "runs_of_each")},
        **{name: told[name] for name in told if name.startswith("loss_")},
        "ratios": [round(candidate / baseline, 4) for baseline, candidate in pairs],
    }
    write(path, {"format": 1, "commit": result["candidate"]["name"], "measured": measured})
    say(f"{path} names {result['candidate']['name']}")


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("baseline", "candidate", "baseline-name", "candidate-name", "feed"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--runs", required=True, type=int)
    parser.add_argument("--limit", required=True, type=float)
    parser.add_argument("--within", required=True, type=int)
    parser.add_argument("--accept", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def stop_in_order(number, _frame):
    sys.exit(128 + number)


def main():
    # Whoever is ended ends its server, and leaves no folder.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop_in_order)
    arguments = read_arguments()
    try:
        feed = Feed(arguments.feed)
        say(f"{feed.transactions:,} transactions, {arguments.runs} runs of each, in turn")
        result = result_of(arguments, feed, measure(arguments, feed))
        write(arguments.out, result)
        if arguments.accept and result["verdict"] == "PASS":
            accept(arguments.accept, result)
    except (CantMeasure, OSError) as error:
        say(str(error))
        sys.exit(69)
    if arguments.json:
        print(json.dumps(result))
    else:
        print_result(result)
        print(f"written to {arguments.out}")
    sys.exit(perf_verdict.EXIT_CODES[result["verdict"]])


if __name__ == "__main__":
    main()
