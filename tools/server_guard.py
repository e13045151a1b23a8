"""Runs one nats-server for tools/nats_server.tcl and never lets it outlive its owner.

Standard input is a pipe from the owner. Its end, however the owner died, kills the server and removes the folder.
Commands are lines of words separated by TAB, each answered by one line, `ok ...` or `error ...`:

    start PROGRAM WORD...   answers the process id and the listening ports, once the server accepts connections
    signal NAME             TERM, KILL, HUP, USR2 ...
    stop NAME               the same, answers when the server has ended, paused or not
    wait                    answers when the server has ended
    reload                  HUP, answers when the server has said what it made of it
    running                 1 or 0
    port                    answers a port that is free, and given to nobody else before this process ends
    status                  how the server ended: its exit status, minus the number of a signal; nothing while it runs
"""

import ctypes
import fcntl
import glob
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

LIMIT = 20.0
PR_SET_PDEATHSIG = 1
# Below the ports that systems give to outgoing connections.
LOWEST, HIGHEST = 15000, 32767


class Server:
    """The server process and its folder, which holds nats.conf, server.log and the ports file."""

    def __init__(self, folder):
        self.folder = folder
        self.log = os.path.join(folder, "server.log")
        self.libc = ctypes.CDLL(None)
        self.process = None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def before_exec(self):
        # Covers the one death that the pipe cannot: somebody kills this guard itself.
        self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(ignored, signal.SIG_DFL)

    def start(self, words):
        deadline = time.monotonic() + LIMIT
        while True:
            answer = self.start_once(words, deadline)
            # After a kill the port can be taken for a moment by some client's outgoing connection.
            if "address already in use" not in answer or time.monotonic() > deadline:
                return answer
            time.sleep(0.05)

    def start_once(self, words, deadline):
        for old in glob.glob(os.path.join(self.folder, "*.ports")):
            os.unlink(old)
        with open(self.log, "ab") as log:
            said_before = log.tell()
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=self.before_exec)
        while time.monotonic() < deadline:
            for name in glob.glob(os.path.join(self.folder, "*.ports")):
                with open(name) as file:
                    text = file.read()
                # The server writes the file in place: only a closed object is a whole one.
                if text.rstrip().endswith("}"):
                    return "ok %d %s%s" % (self.process.pid, ports(json.loads(text)), self.leafnode(said_before))
            if not self.running():
                return "error nats-server ended at once: " + self.said(said_before)
            time.sleep(0.002)
        self.stop(signal.SIGKILL)
        return "error nats-server is not ready after %d s: %s" % (LIMIT, self.said(said_before))

    def leafnode(self, offset):
        # The only listener that the ports file leaves out.
        with open(self.log, errors="replace") as log:
            log.seek(offset)
            found = re.search(r"Listening for leafnode connections on \S+:(\d+)", log.read())
        return " leafnode " + found.group(1) if found else ""

    def said(self, offset):
        with open(self.log, errors="replace") as log:
            log.seek(offset)
            return " / ".join(log.read().split("\n")[-6:]).strip()

    def signal(self, name):
        if not self.running():
            return "error the server is not running"
        self.process.send_signal(getattr(signal, "SIG" + name))
        return "ok"

    def wait(self):
        if self.process is not None:
            self.process.wait()
        return "ok"

    def reload(self):
        offset = os.path.getsize(self.log)
        answer = self.signal("HUP")
        deadline = time.monotonic() + LIMIT
        while answer == "ok" and time.monotonic() < deadline:
            said = self.said(offset)
            if "Reloaded server configuration" in said:
                return "ok"
            if "Failed to reload" in said:
                return "error " + said
            time.sleep(0.002)
        return answer if answer != "ok" else "error the server said nothing about the reload"

    def stop(self, how):
        if self.running():
            self.process.send_signal(how)
            # A stopped process takes no other signal until it goes on.
            self.process.send_signal(signal.SIGCONT)
        return self.wait()


class Ports:
    """Ports that this process has taken: others see that by the lock on a file, which ends with the process."""

    def __init__(self):
        self.folder = os.path.join(tempfile.gettempdir(), "nats-tcl-ports-%d" % os.getuid())
        self.locks = []

    def take(self):
        os.makedirs(self.folder, exist_ok=True)
        for port in random.sample(range(LOWEST, self.highest() + 1), 1000):
            lock = os.open(os.path.join(self.folder, str(port)), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            except OSError:
                os.close(lock)
                continue
            self.locks.append(lock)
            return "ok %d" % port
        return "error no port is free"

    def highest(self):
        try:
            with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
                first = int(file.read().split()[0])
        except (OSError, ValueError):
            return HIGHEST
        # Where the system gives nearly all of them to connections there is nothing better.
        return min(HIGHEST, first - 1) if first > LOWEST + 2000 else HIGHEST


def ports(listening):
    """The ports file as a Tcl dict: name and port of the first URL of each kind."""
    return " ".join("%s %s" % (kind, urls[0].rsplit(":", 1)[1].rstrip("/"))
                    for kind, urls in listening.items() if urls)


def answer(server, taken, words):
    """What one command says."""
    if words[0] == "port":
        return taken.take()
    if words[0] == "start":
        return server.start(words[1:])
    if words[0] == "signal":
        return server.signal(words[1])
    if words[0] == "stop":
        return server.stop(getattr(signal, "SIG" + words[1]))
    if words[0] == "wait":
        return server.wait()
    if words[0] == "reload":
        return server.reload()
    if words[0] == "running":
        return "ok %d" % server.running()
    if words[0] == "status":
        return "ok" if server.running() or server.process is None else "ok %d" % server.process.returncode
    return "error unknown command " + words[0]


def main():
    # A session of its own, and deaf to Ctrl-C: the owner's end is told by the pipe, and only by it.
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    try:
        os.setsid()
    except PermissionError:
        pass  # a job of an interactive shell leads a group already
    folder = tempfile.mkdtemp(prefix="nats-tcl-")
    server = Server(folder)
    taken = Ports()
    try:
        print(folder, flush=True)
        for line in iter(sys.stdin.readline, ""):
            try:
                print(answer(server, taken, line.rstrip("\n").split("\t")).replace("\n", " "), flush=True)
            except OSError as failure:
                print("error %s" % failure, flush=True)
    except BrokenPipeError:
        pass
    finally:
        if server.running():
            server.process.kill()
            server.process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        # Python would complain about the pipe once more while it ends.
        os._exit(0)


main()
