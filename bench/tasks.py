"""What bench/run.py measures: the clients, the tasks, and one run of one of them."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SERVER = os.path.join(ROOT, ".tools/nats-server/current/nats-server")
RAW = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR") or "target", "release/nats-bench-raw")
PYTHON = os.path.join(ROOT, ".tools/venv/bin/python")
NODE_MODULES = os.path.join(ROOT, ".tools/node")
BUILD = os.environ.get("NATS_BUILD") or os.path.join(ROOT, "build")
TCLSH = (os.environ.get("NATS_TCLSH") or "tclsh").split()

CLIENTS = {
    "tcl": TCLSH + [os.path.join(HERE, "tcl/client.tcl")],
    "raw": [RAW],
    "py": [PYTHON, os.path.join(HERE, "py/client.py")],
    "js": ["node", os.path.join(HERE, "js/client.mjs")],
    "c": [os.path.join(ROOT, ".tools/nats-c/client")],
    "peer": TCLSH + [os.path.join(HERE, "tcl/client.tcl")],
}
TITLES = {"tcl": "this package", "raw": "async-nats", "py": "nats.py", "js": "nats.js", "c": "nats.c", "peer": "peer"}

# Messages or calls of one run: by size of the payload where the size matters.
COUNTS = {
    "connect": {16: 1},
    "publish": {16: 1000000, 1024: 300000, 65536: 5000},
    "receive": {16: 500000, 1024: 200000, 65536: 5000},
    "request": {16: 5000},
    "request_100": {16: 60000},
    "request_1000": {16: 60000},
    "js_publish": {16: 5000},
    "js_publish_1000": {16: 60000},
    "publisher": {16: 60000},
    "fast_batch": {16: 100000},
    "atomic_batch": {16: 60000},
    "pull_100": {16: 60000},
    "pull_1000": {16: 60000},
    "messages": {16: 60000},
    "kv_put": {16: 5000},
    "kv_put_checked": {16: 5000},
    "kv_get": {16: 5000},
    "kv_mget": {16: 50000},
    "fetch_100_3": {16: 60000},
    "kv_put_3": {16: 5000},
    "kv_get_3": {16: 5000},
    "object_put": {1 << 20: 50, 64 << 20: 3},
    "object_get": {1 << 20: 50, 64 << 20: 1},
    "object_put_file": {64 << 20: 1, 1 << 30: 1},
    "object_get_file": {64 << 20: 1, 1 << 30: 1},
    "load": {16: 5},
}
# Tasks of dialect 3, which the others have not: the same work as pull_100, kv_put and kv_get.
ONLY = {task: ("tcl", "peer") for task in ("fetch_100_3", "kv_put_3", "kv_get_3")}
# The same work as js_publish_1000, by an object that only this package has.
ONLY["publisher"] = ("tcl",)
# The same in batches: one without an end, and some of 1000.
ONLY["fast_batch"] = ("tcl",)
ONLY["atomic_batch"] = ("tcl",)
# The same work as kv_get, 1000 keys with each call.
ONLY["kv_mget"] = ("tcl",)
# Continuous consumption.
ONLY["messages"] = ("tcl", "raw")
# What is done before a task, by the raw client for every client alike.
BEFORE = {"js_publish": "setup", "js_publish_1000": "setup", "publisher": "setup", "fast_batch": "setup",
          "atomic_batch": "setup", "pull_100": "fill", "pull_1000": "fill",
          "messages": "fill",
          "kv_put": "setup", "kv_put_checked": "setup", "kv_get": "setup", "kv_mget": "setup",
          "fetch_100_3": "fill", "kv_put_3": "setup", "kv_get_3": "setup",
          "object_put_file": "no_file", "object_get_file": "stored_file"}
# Folder of the files that are put and got: in, out.
FILES = tempfile.TemporaryDirectory(prefix="nats-bench-")
# A process that does nothing, one that loads the client library and does nothing else, and one that looks for a library
# which is not there: Tcl reads the index of every package installed to find one.
LOADING = {
    "tcl": ([*TCLSH], "", "package require nats", "catch {package require nats_that_is_not_there}"),
    "peer": ([*TCLSH], "", "package require nats", "catch {package require nats_that_is_not_there}"),
    "py": ([PYTHON, "-"], "", "import nats", ""),
    "js": (["node", "-"], "", "require(process.env.NATS_JS + '/node_modules/@nats-io/transport-node')", ""),
}
# Seconds after which a run counts as hung.
LIMIT = 60


class Failure(Exception):
    """A run that gave no figures; the text says why."""


def start_server():
    """A nats-server under the guard of the tests: it ends with this process. Returns the guard and the URL."""
    guard = subprocess.Popen([sys.executable, os.path.join(ROOT, "tools/server_guard.py")],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    folder = guard.stdout.readline().strip()
    config = os.path.join(folder, "nats.conf")
    with open(config, "w") as file:
        # Enough pending bytes for the slowest client: a connection cut by the server would not be the client's figure.
        file.write('listen: "127.0.0.1:-1"\nports_file_dir: "%s"\nmax_pending: 1GB\nwrite_deadline: "60s"\n'
                   'jetstream: {store_dir: "%s/store", max_memory_store: 1GB}\n' % (folder, folder))
    guard.stdin.write("\t".join(["start", SERVER, "-c", config]) + "\n")
    guard.stdin.flush()
    words = guard.stdout.readline().split()
    if words[:1] != ["ok"]:
        sys.exit("bench: no server: " + " ".join(words))
    return guard, "nats://127.0.0.1:" + words[words.index("nats") + 1]


def environment(client, peer):
    """The environment of a client: where its library is."""
    inherited = os.environ.get("TCLLIBPATH", "")
    # A package of the peer may need tcllib and the like; ours needs nothing.
    folders = "{%s} {%s}" % (peer, os.path.join(ROOT, ".tools/tcl")) if client == "peer" else "{%s}" % BUILD
    return dict(os.environ, TCLLIBPATH=(folders + " " + inherited).strip(), NATS_JS=NODE_MODULES, BENCH_FILES=FILES.name)


def file_of(size):
    """The file to put, of so many bytes without a pattern; what an earlier run has written goes."""
    written, given = (os.path.join(FILES.name, name) for name in ("out", "in"))
    if os.path.exists(written):
        os.unlink(written)
    if not os.path.exists(given) or os.path.getsize(given) != size:
        block = os.urandom(1 << 20)
        with open(given, "wb") as file:
            for at in range(0, size, len(block)):
                file.write(block[:size - at])
    return written


def start(words, variables, url, task, count, size):
    """A client process; its last line is JSON, a line READY before it says that the other side may begin."""
    return subprocess.Popen(words + [url, task, str(count), str(size)], stdout=subprocess.PIPE, text=True, env=variables)


def await_ready(process):
    line = process.stdout.readline()
    if line.strip() != "READY":
        raise Failure("did not begin: %r" % line)


def end(process):
    """Waits for a process that has ended or is about to; returns its status and its CPU seconds (user and system)."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def stop(process):
    if process is not None and process.returncode is None:
        process.kill()
        process.wait()


def prepare(url, task, count, size):
    """Runs a task of the raw client that prepares or checks; it must succeed."""
    done = subprocess.run([RAW, url, task, str(count), str(size)], capture_output=True, text=True, timeout=LIMIT,
                          env=environment("raw", ""))
    if done.returncode != 0:
        raise Failure("%s: %s" % (task, done.stderr.strip()))


def loading(client, peer, count):
    """Milliseconds by which loading the client library makes a whole process longer, and what its figures are called."""
    if client not in LOADING:
        return {"unable": True}
    words, bare, library, search = LOADING[client]
    # They alternate as the clients do; the least time is the one that nothing else has disturbed.
    least = {}
    for _ in range(count):
        for script in (bare, library, search):
            begin = time.perf_counter()
            done = subprocess.run(words, input=script + "\n", text=True, capture_output=True, env=environment(client, peer))
            if done.returncode != 0 or done.stderr:
                raise Failure("loading: " + done.stderr.strip())
            least[script] = min(least.get(script, 1e9), time.perf_counter() - begin)
    return {"ms": 1000 * (least[library] - least[bare]), "own_ms": 1000 * (least[library] - least[search]),
            "process_ms": 1000 * least[library]}


def measure(client, peer, url, task, count, size):
    """The figures of one run, as the client printed them, with the CPU seconds of its process; Failure if there are none."""
    if task == "load":
        return loading(client, peer, count)
    if client not in ONLY.get(task, CLIENTS):
        return {"unable": True}
    other = process = timer = None
    try:
        written = file_of(size) if task.endswith("_file") else None
        if task in BEFORE:
            prepare(url, BEFORE[task], count, size)
        if task.startswith("request"):
            other = start([RAW], None, url, "responder", 0, size)
            await_ready(other)
        process = start(CLIENTS[client], environment(client, peer), url, task, count, size)
        timer = threading.Timer(LIMIT, process.kill)
        timer.start()
        if task == "receive":
            await_ready(process)
            other = start([RAW], None, url, "flood", count, size)
        lines = process.stdout.read().strip().split("\n")
        status, cpu = end(process)
        if status != 0 or not lines[-1].startswith("{"):
            raise Failure("ended with status %s" % status)
        figures = json.loads(lines[-1])
        if task == "object_get_file" and not figures.get("unable") and os.path.getsize(written) != size:
            raise Failure("another file than the object")
        if task.startswith(("pull", "fetch")) and not figures.get("unable"):
            prepare(url, "unfinished", 0, size)
        return dict(figures, cpu=cpu)
    finally:
        if timer is not None:
            timer.cancel()
        stop(process)
        stop(other)
