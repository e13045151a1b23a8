#!/usr/bin/env python3
"""Measures this package against other NATS clients on one nats-server, and prints a table of ratios.

    run.py [--rounds N] [--scale F] [--clients tcl,raw,py,js] [--tasks publish,...] [--sizes 16,1024,65536] [--peer DIR]

The clients are this package, async-nats without Tcl (raw), nats.py, nats.js, and with --peer any other folder that provides
a Tcl package `nats` with the same commands. In every round each task runs once with each client, one after the other and
beginning with another one each time, so that the machine's moods meet all of them alike; the figures are medians. The table
goes to standard output and, if nothing was left out, to bench/RESULTS.md, its ratios to nats.py and nats.js to
bench/RESULTS.svg. A task that a client cannot do is `-`. Exit status 1: a client failed (other than the peer).
`--cost` runs bench/cost.tcl afterwards: cost against size, memory and fairness of this package; --out DIR writes the
results elsewhere. Environment: CARGO_TARGET_DIR, NATS_BUILD, NATS_TCLSH, PEER. `make bench` has everything built before.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time

# The folder is the source tree: no caches in it.
sys.dont_write_bytecode = True

import chart
import table
import tasks
from tasks import CLIENTS, COUNTS, HERE, ROOT


def said_by(*words, **options):
    try:
        return subprocess.run(words, capture_output=True, text=True, **options).stdout.strip()
    except OSError:
        return "?"


def cpu():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def async_nats_version():
    lock = os.path.join(ROOT, "Cargo.lock")
    if os.path.exists(lock):
        with open(lock) as file:
            text = file.read()
        if 'name = "async-nats"\nversion = "' in text:
            return text.split('name = "async-nats"\nversion = "', 1)[1].split('"', 1)[0]
    return "?"


def versions(clients, peer):
    """One text for each client, and the server."""
    patchlevel = said_by(*tasks.TCLSH, input="puts [info patchlevel]\n")
    script = "puts [package require nats]\n"
    said = {
        "tcl": lambda: "nats %s on Tcl %s" % (said_by(*tasks.TCLSH, input=script, env=tasks.environment("tcl", "")), patchlevel),
        "raw": lambda: "async-nats " + async_nats_version(),
        "py": lambda: "nats-py %s on Python %s" % tuple(said_by(
            tasks.PYTHON, "-c", "import importlib.metadata as m, platform; print(m.version('nats-py'), platform.python_version())"
        ).split() or ("?", "?")),
        "js": lambda: "nats.js %s on Node.js %s" % (said_by(
            "node", "-p", "require(process.env.NATS_JS + '/node_modules/@nats-io/transport-node/package.json').version",
            env=tasks.environment("js", "")), said_by("node", "--version")),
        "c": lambda: "nats.c " + said_by("pkg-config", "--modversion", "libnats").strip(),
        "peer": lambda: "peer: nats %s" % said_by(*tasks.TCLSH, input=script, env=tasks.environment("peer", peer)),
    }
    return ", ".join([said[client]() for client in clients] + [said_by(tasks.SERVER, "--version").replace(": v", " ")])


def about(options, clients):
    """What the figures depend on."""
    counts = ", ".join("%s %s" % (task, "/".join(str(scaled(count, options.scale)) for count in by_size.values()))
                       for task, by_size in COUNTS.items() if task in options.tasks and task not in ("connect", "load"))
    return "\n".join([
        "- date: %s" % datetime.date.today().isoformat(),
        "- machine: %s, %d cores, %s %s; clients, server, publisher and responder share it"
        % (cpu(), os.cpu_count(), platform.system(), platform.release()),
        "- versions: " + versions(clients, options.peer),
        "- medians of %d rounds; per run: %s%s" % (
            options.rounds, counts, "; peer: %g of that" % options.peer_scale if "peer" in clients else ""),
        "- `N x`: this package is N times as good. Payload 16 bytes where none is said; no client has a limit on queued messages",
    ])


def scaled(count, factor):
    return max(1, int(count * factor))


def jobs(options):
    """All (task, size) of a round. `connect` is what the CPU time is counted from."""
    out = [("connect", 16)] if {"publish", "receive"} & set(options.tasks) else []
    for task in options.tasks:
        out += [(task, size) for size in COUNTS[task] if task not in ("publish", "receive") or size in options.sizes]
    return out


def rounds(options, clients, url):
    """All runs: (client, task, size) to the list of their figures; and whether a client failed that must not."""
    results, failed = {}, False
    for turn in range(options.rounds):
        for number, (task, size) in enumerate(jobs(options)):
            first = (turn + number) % len(clients)
            for client in clients[first:] + clients[:first]:
                fixed = task in ("connect", "load")
                factor = 1 if fixed else options.scale * (options.peer_scale if client == "peer" else 1)
                try:
                    run = tasks.measure(client, options.peer, url, task, scaled(COUNTS[task][size], factor), size)
                except (tasks.Failure, subprocess.TimeoutExpired, json.JSONDecodeError) as failure:
                    print("bench: %s %s %d: %s" % (client, task, size, failure), file=sys.stderr)
                    failed = failed or client != "peer"
                    continue
                results.setdefault((client, task, size), []).append(run)
                print("round %d  %s %s %d %s" % (turn + 1, client, task, size, json.dumps(run)), file=sys.stderr)
    return results, failed


def words(text):
    return [word for word in text.split(",") if word]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every count")
    parser.add_argument("--clients", type=words, help="default: all that are installed")
    parser.add_argument("--tasks", type=words, default=[task for task in COUNTS if task != "connect"])
    parser.add_argument("--sizes", type=lambda text: [int(word) for word in words(text)], default=[16, 1024, 65536],
                        help="payloads in bytes of publish and receive")
    parser.add_argument("--peer", default=os.environ.get("PEER") or "", help="folder with another package nats")
    parser.add_argument("--peer-scale", type=float, default=0.1, help="the peer's share of the counts")
    parser.add_argument("--out", default=HERE, help="folder for RESULTS.md and RESULTS.svg")
    parser.add_argument("--cost", action="store_true", help="run bench/cost.tcl as well")
    options = parser.parse_args()
    for what, known in ((options.tasks, COUNTS), (options.clients or [], CLIENTS)):
        unknown = [word for word in what if word not in known]
        if unknown:
            parser.error("unknown: %s; known: %s" % (", ".join(unknown), ", ".join(known)))
    if not set(options.sizes) <= set(COUNTS["publish"]):
        parser.error("--sizes: known are %s" % ", ".join(map(str, COUNTS["publish"])))
    if "peer" in (options.clients or []) and not options.peer:
        parser.error("the client peer needs --peer DIR")
    options.peer = os.path.abspath(options.peer) if options.peer else ""
    return options


def write(options, clients, text, middle):
    with open(os.path.join(options.out, "RESULTS.md"), "w") as file:
        file.write("# Results of `make bench`\n\n" + text + "\n")
    subtitle = "%s; %s, %d cores; medians of %d rounds; logarithmic, bars to the right: better" % (
        datetime.date.today().isoformat(), cpu(), os.cpu_count(), options.rounds)
    drawing = chart.chart(middle, "tcl", [other for other in ("py", "js") if other in clients], subtitle)
    if drawing:
        with open(os.path.join(options.out, "RESULTS.svg"), "w") as file:
            file.write(drawing)


def main():
    options = parse()
    everything = options.clients is None and options.tasks == [task for task in COUNTS if task != "connect"] \
        and options.sizes == list(COUNTS["publish"])
    clients = options.clients or [client for client in CLIENTS if client != "peer" or options.peer]
    if not os.path.isdir(os.path.join(tasks.NODE_MODULES, "node_modules/@nats-io")) and options.clients is None:
        # Its column is left out, not the run: a machine without Node.js measures the others.
        print("bench: nats.js is not installed; tools/setup.sh bench installs it where there is npm", file=sys.stderr)
        clients.remove("js")
    if not os.path.exists(CLIENTS["c"][0]) and options.clients is None:
        print("bench: nats.c is not installed; tools/setup.sh bench installs it on Debian", file=sys.stderr)
        clients.remove("c")
    begin = time.monotonic()
    guard, url = tasks.start_server()
    try:
        # The other side of most tasks: without it every one of them would end at its limit only.
        tasks.prepare(url, "connect", 0, 16)
        results, failed = rounds(options, clients, url)
    except (tasks.Failure, OSError) as failure:
        sys.exit("bench: %s does not work: %s" % (tasks.RAW, failure))
    finally:
        guard.stdin.close()
        guard.wait()
    middle = table.medians(results)
    text = about(options, clients) + "\n\n" + table.table(middle, clients)
    print("\n%s\n\n(%d s)" % (text, time.monotonic() - begin))
    if options.cost:
        cost = subprocess.run([*tasks.TCLSH, os.path.join(HERE, "cost.tcl"), "-scale", str(options.scale)],
                              stdout=subprocess.PIPE, text=True, env=dict(os.environ, NATS_BUILD=tasks.BUILD))
        failed = failed or cost.returncode != 0
        print("\n" + cost.stdout)
        text += "\n\n" + cost.stdout.rstrip()
    if everything and not failed or options.out != HERE:
        write(options, clients, text, middle)
    sys.exit(1 if failed else 0)


main()
