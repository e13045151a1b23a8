"""The figures of bench/run.py as a Markdown table, in ratios."""

import statistics

from tasks import TITLES

# Rows: title, task, size, figure, and True if more is better, False if less, None if there is nothing to compare.
# The figures cpu_million, peak_mib and mb_s are derived in `medians`.
ROWS = [row for size, name in ((16, "16 B"), (1024, "1 KiB"), (65536, "64 KiB")) for row in [
    ("publish %s, then a round trip, msg/s" % name, "publish", size, "rate", True),
    ("... CPU seconds per million messages", "publish", size, "cpu_million", False),
    ("... peak memory, MiB", "publish", size, "peak_mib", False),
    ("receive %s into a callback, msg/s" % name, "receive", size, "rate", True),
    ("... messages lost", "receive", size, "lost", None),
    ("... CPU seconds per million messages", "receive", size, "cpu_million", False),
    ("... peak memory, MiB", "receive", size, "peak_mib", False),
]] + [
    ("synchronous request, p50 us", "request", 16, "p50_us", False),
    ("synchronous request, p99 us", "request", 16, "p99_us", False),
    ("100 asynchronous requests in flight, req/s", "request_100", 16, "rate", True),
    ("1000 asynchronous requests in flight, req/s", "request_1000", 16, "rate", True),
    ("JetStream publish, one at a time, /s", "js_publish", 16, "rate", True),
    ("JetStream publish, 1000 in flight, /s", "js_publish_1000", 16, "rate", True),
    ("... CPU seconds per million messages", "js_publish_1000", 16, "cpu_million", False),
    ("the same with `publisher`, /s", "publisher", 16, "rate", True),
    ("... CPU seconds per million messages", "publisher", 16, "cpu_million", False),
    ("the same as a fast batch, /s", "fast_batch", 16, "rate", True),
    ("... CPU seconds per million messages", "fast_batch", 16, "cpu_million", False),
    ("the same in atomic batches of 1000, /s", "atomic_batch", 16, "rate", True),
    ("pull in batches of 100, each message acknowledged, /s", "pull_100", 16, "rate", True),
    ("pull in batches of 1000, each message acknowledged, /s", "pull_1000", 16, "rate", True),
    ("`messages`, each message acknowledged, /s", "messages", 16, "rate", True),
    ("... CPU seconds per million messages", "messages", 16, "cpu_million", False),
    ("KV put, /s", "kv_put", 16, "rate", True),
    ("KV put with `-check_bucket`, /s", "kv_put_checked", 16, "rate", True),
    ("KV get, /s", "kv_get", 16, "rate", True),
    ("KV mget of 1000 keys, keys/s", "kv_mget", 16, "rate", True),
    ("dialect 3: fetch of 100, each message acknowledged, /s", "fetch_100_3", 16, "rate", True),
    ("dialect 3: KV put, /s", "kv_put_3", 16, "rate", True),
    ("dialect 3: KV get, /s", "kv_get_3", 16, "rate", True),
] + [row for size, name in ((1 << 20, "1 MiB"), (64 << 20, "64 MiB")) for row in [
    ("object put %s, /s" % name, "object_put", size, "rate", True),
    ("... peak memory, MiB", "object_put", size, "peak_mib", False),
    ("object get %s, /s" % name, "object_get", size, "rate", True),
    ("... peak memory, MiB", "object_get", size, "peak_mib", False),
]] + [row for size, name in ((64 << 20, "64 MiB"), (1 << 30, "1 GiB")) for row in [
    ("object put of a file of %s, MB/s" % name, "object_put_file", size, "mb_s", True),
    ("... peak memory, MiB", "object_put_file", size, "peak_mib", False),
    ("object get of %s into a file, MB/s" % name, "object_get_file", size, "mb_s", True),
    ("... peak memory, MiB", "object_get_file", size, "peak_mib", False),
]] + [
    ("loading the library (whole process less a bare one), ms", "load", 16, "ms", False),
    ("... less the interpreter's search for any package, ms", "load", 16, "own_ms", False),
]


def medians(results):
    """The median of every figure: (client, task, size) to figure to value. Runs that were not possible are left out.

    CPU is that of the whole process less that of a process which only connects: interpreter, library and connection
    are not part of what a message costs.
    """
    out = {}
    for key, runs in results.items():
        done = [run for run in runs if not run.get("unable")]
        if done:
            out[key] = {name: statistics.median(run[name] for run in done) for name in done[0]}
    for (client, task, size), figures in out.items():
        if task in ("publish", "receive"):
            idle = out.get((client, "connect", 16), {}).get("cpu")
            # A run too short to tell from a connection alone gives no figure.
            if idle is not None and figures["count"] and figures["cpu"] > idle:
                figures["cpu_million"] = (figures["cpu"] - idle) / figures["count"] * 1e6
        if figures.get("peak_kib"):
            figures["peak_mib"] = figures["peak_kib"] / 1024
        if task.endswith("_file"):
            figures["mb_s"] = figures["count"] * size / figures["seconds"] / 1e6
    return out


def ratio(middle, row, client, other):
    """How many times better `client` is than `other`; None if there is no such ratio."""
    _, task, size, figure, more_is_better = row
    ours, theirs = (middle.get((name, task, size), {}).get(figure) for name in (client, other))
    if more_is_better is None or not ours or not theirs or ours < 0 or theirs < 0:
        return None
    return ours / theirs if more_is_better else theirs / ours


def number(value):
    if value is None:
        return "-"
    if value >= 100000:
        return "%dk" % round(value / 1000)
    if value >= 10000:
        return "%.1fk" % (value / 1000)
    if value == round(value) or value >= 100:
        return "%d" % round(value)
    return "%.1f" % value if value >= 10 else "%.2f" % value


def table(middle, clients):
    """Markdown: medians per client, and how many times better the first client is than each other one."""
    heads = ["work"] + [TITLES[client] for client in clients] + ["against " + TITLES[client] for client in clients[1:]]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" + "---:|" * (len(heads) - 1)]
    for row in ROWS:
        title, task, size, figure, _ = row
        values = [middle.get((client, task, size), {}).get(figure) for client in clients]
        if all(value is None for value in values):
            continue
        ratios = [ratio(middle, row, clients[0], other) for other in clients[1:]]
        cells = [title] + [number(value) for value in values] + ["%.2f x" % one if one else "-" for one in ratios]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
