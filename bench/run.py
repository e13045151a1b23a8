#!/usr/bin/env python3
"""Measures this package against async-nats without Tcl and against nats.py, on one nats-server, and prints a table.

    run.py [--rounds N] [--scale F] [--clients tcl,raw,py] [--tasks publish,...]

In every round each task runs once with each client, one after the other, so that the machine's moods meet all of them
alike; the figures are medians. The table goes to standard output and, if nothing was left out, to bench/RESULTS.md.
Environment: CARGO_TARGET_DIR, NATS_BUILD, NATS_TCLSH. `make bench` has everything built before.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SERVER = os.path.join(ROOT, ".tools/nats-server/current/nats-server")
RAW = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR") or "target", "release/nats-bench-raw")
PYTHON = os.path.join(ROOT, ".tools/venv/bin/python")
BUILD = os.environ.get("NATS_BUILD") or os.path.join(ROOT, "build")

CLIENTS = {
    "tcl": (os.environ.get("NATS_TCLSH") or "tclsh").split() + [os.path.join(HERE, "tcl/client.tcl")],
    "raw": [RAW],
    "py": [PYTHON, os.path.join(HERE, "py/client.py")],
}
TITLES = {"tcl": "this package", "raw": "async-nats", "py": "nats.py"}

# Messages or requests of one run.
COUNTS = {
    "publish": 1000000,
    "receive": 1000000,
    "request": 5000,
    "request_async": 100000,
    "js_publish": 5000,
    "js_publish_async": 50000,
}
# Rows of the table: title, task, figure, True if more is better.
ROWS = [
    ("publish, then a round trip, msg/s", "publish", "rate", True),
    ("receive into a callback, msg/s", "receive", "rate", True),
    ("... messages lost", "receive", "lost", None),
    ("synchronous request, p50 us", "request", "p50_us", False),
    ("synchronous request, p99 us", "request", "p99_us", False),
    ("1000 asynchronous requests in flight, req/s", "request_async", "rate", True),
    ("JetStream publish, one at a time, /s", "js_publish", "rate", True),
    ("JetStream publish, 1000 in flight, /s", "js_publish_async", "rate", True),
]


def start_server():
    """A nats-server under the guard of the tests: it ends with this process. Returns the guard and the URL."""
    guard = subprocess.Popen([sys.executable, os.path.join(ROOT, "tools/server_guard.py")],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    folder = guard.stdout.readline().strip()
    config = os.path.join(folder, "nats.conf")
    with open(config, "w") as file:
        file.write('listen: "127.0.0.1:-1"\nports_file_dir: "%s"\n'
                   'jetstream: {store_dir: "%s/store", max_memory_store: 1GB}\n' % (folder, folder))
    guard.stdin.write("\t".join(["start", SERVER, "-c", config]) + "\n")
    guard.stdin.flush()
    words = guard.stdout.readline().split()
    if words[:1] != ["ok"]:
        sys.exit("bench: no server: " + " ".join(words))
    return guard, "nats://127.0.0.1:" + words[words.index("nats") + 1]


def start(words, url, task, count):
    """A client process; its last line is JSON, a line READY before it says that the other side may begin."""
    inherited = os.environ.get("TCLLIBPATH")
    environment = dict(os.environ, TCLLIBPATH=BUILD + (" " + inherited if inherited else ""))
    return subprocess.Popen(words + [url, task, str(count)], stdout=subprocess.PIPE, text=True, env=environment)


def await_ready(process):
    line = process.stdout.readline()
    if line.strip() != "READY":
        sys.exit("bench: %s did not begin: %r" % (process.args, line))


def measure(client, url, task, count):
    """The figures of one run, as the client printed them."""
    other = None
    if task.startswith("request"):
        other = start([RAW], url, "responder", 0)
        await_ready(other)
    process = start(CLIENTS[client], url, task, count)
    try:
        if task == "receive":
            await_ready(process)
            other = start([RAW], url, "flood", count)
        output = process.communicate(timeout=300)[0]
    finally:
        for running in (process, other):
            if running is not None:
                running.kill()
                running.wait()
    if process.returncode != 0 or not output.strip():
        sys.exit("bench: %s %s failed with status %s" % (client, task, process.returncode))
    return json.loads(output.strip().split("\n")[-1])


def number(value):
    if value >= 100000:
        return "%dk" % round(value / 1000)
    if value >= 10000:
        return "%.1fk" % (value / 1000)
    return "%d" % round(value)


def table(results, clients):
    """Markdown: medians per client, and how many times better the first client is than each other one."""
    heads = ["work"] + [TITLES[client] for client in clients] + ["against " + TITLES[client] for client in clients[1:]]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for title, task, figure, more_is_better in ROWS:
        if any((client, task) not in results for client in clients):
            continue
        medians = [statistics.median(run[figure] for run in results[client, task]) for client in clients]
        cells = [title] + [number(median) for median in medians]
        for median in medians[1:]:
            ratio = None
            if more_is_better is not None and median and medians[0]:
                ratio = medians[0] / median if more_is_better else median / medians[0]
            cells.append("%.2f x" % ratio if ratio else "-")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def said_by(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True).stdout.strip()
    except OSError:
        return "?"


def cpu():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def about(rounds, scale):
    """What the figures depend on."""
    tclsh = CLIENTS["tcl"][:-1]
    patchlevel = subprocess.run(tclsh, input="puts [info patchlevel]", capture_output=True, text=True).stdout.strip()
    package = ", ".join(name for name in sorted(os.listdir(BUILD)) if name.startswith("nats")) if os.path.isdir(BUILD) else "?"
    counts = ", ".join("%s %d" % (task, count * scale) for task, count in COUNTS.items())
    return "\n".join([
        "- date: %s" % datetime.date.today().isoformat(),
        "- machine: %s, %d cores, %s %s; clients, server, publisher and responder share it"
        % (cpu(), os.cpu_count(), platform.system(), platform.release()),
        "- versions: %s on Tcl %s; async-nats %s; nats-py %s on Python %s; %s" % (
            package, patchlevel, async_nats_version(),
            said_by(PYTHON, "-c", "from importlib.metadata import version; print(version('nats-py'))"),
            said_by(PYTHON, "-c", "import platform; print(platform.python_version())"), said_by(SERVER, "--version")),
        "- payload 16 bytes; medians of %d rounds; per run: %s" % (rounds, counts),
    ])


def async_nats_version():
    lock = os.path.join(ROOT, "Cargo.lock")
    if os.path.exists(lock):
        with open(lock) as file:
            text = file.read()
        if 'name = "async-nats"\nversion = "' in text:
            return text.split('name = "async-nats"\nversion = "', 1)[1].split('"', 1)[0]
    return "?"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every count")
    parser.add_argument("--clients", default=",".join(CLIENTS))
    parser.add_argument("--tasks", default=",".join(COUNTS))
    options = parser.parse_args()
    clients, tasks = options.clients.split(","), options.tasks.split(",")
    guard, url = start_server()
    results = {}
    begin = time.monotonic()
    for turn in range(options.rounds):
        for task in tasks:
            for client in clients:
                run = measure(client, url, task, max(1, int(COUNTS[task] * options.scale)))
                results.setdefault((client, task), []).append(run)
                print("round %d  %s" % (turn + 1, json.dumps(run)), file=sys.stderr)
    guard.stdin.close()
    guard.wait()
    text = about(options.rounds, options.scale) + "\n\n" + table(results, clients) + "\n"
    print("\n%s\n(%d s)" % (text, time.monotonic() - begin))
    if clients == list(CLIENTS) and tasks == list(COUNTS):
        with open(os.path.join(HERE, "RESULTS.md"), "w") as file:
            file.write("# Results of `make bench`\n\n" + text)


main()
