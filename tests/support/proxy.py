"""A recording, fault-injecting TCP proxy, and a scripted server: one program, steered by lines on standard input.

    proxy.py proxy HOST PORT        forwards to HOST:PORT
    proxy.py fake                   forwards nowhere; what it says comes from `greet`, `on` and `inject`

The first line written is the port it listens on. Commands are words separated by TAB, bytes in them are base64;
each is answered by one line, `ok ...` or `error ...`. The end of standard input ends the program. It is a process of
its own, so that it works while the Tcl script under test is blocked.
"""

import base64
import select
import socket
import struct
import sys
import time

CHUNK = 65536
# Bytes read from one side and not yet taken by the other: beyond this the sender feels the back pressure.
BUFFER = 262144
SENT, RECEIVED = "sent", "received"


class Link:
    """One accepted connection and, for the proxy, the connection to the target that belongs to it."""

    def __init__(self, client, target):
        self.client = client
        self.target = target
        self.to_client = bytearray()
        self.to_target = bytearray()
        self.dripping = bytearray()
        self.lines = bytearray()
        self.skip = 0
        self.client_gone = False
        self.closing = False

    def close(self):
        for sock in (self.client, self.target):
            if sock is not None:
                sock.close()

    def reset(self):
        # Closing with a linger time of zero makes the kernel send RST.
        for sock in (self.client, self.target):
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()


class Proxy:
    """The listener, its links, and the faults in force."""

    def __init__(self, target):
        self.target = target
        self.listener = None
        self.port = 0
        self.links = []
        self.recorded = {SENT: bytearray(), RECEIVED: bytearray()}
        self.frozen = set()
        self.held_until = None
        self.accepted = 0
        self.drip_ms = 0
        self.drip_bytes = 1
        self.next_drip = 0.0
        self.cut_after = None
        self.freeze_behind = None
        self.greeting = b""
        self.answers = []
        self.listen()

    def listen(self):
        if self.listener is None:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.port))
            self.listener.listen(1024)
            self.listener.setblocking(False)
            self.port = self.listener.getsockname()[1]

    def refuse(self):
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    # What happens on the sockets

    def accept(self):
        if self.listener is None:
            return  # a command of this very round has closed it
        try:
            client = self.listener.accept()[0]
        except OSError:
            return
        self.accepted += 1
        target = None
        if self.target is not None:
            try:
                target = socket.create_connection(self.target, 2)
            except OSError:
                client.close()
                return
        for sock in (client, target):
            if sock is not None:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(client, target)
        self.links.append(link)
        self.say(link, self.greeting)

    def say(self, link, data):
        """Puts bytes on their way to the client, past freeze and drip, which hold what the target says."""
        if self.cut_after is not None:
            data = data[:self.cut_after]
            self.cut_after -= len(data)
        link.to_client += data
        self.recorded[RECEIVED] += data
        if self.cut_after == 0:
            self.cut_after = None
            self.flush(link.client, link.to_client)
            link.reset()
            link.client_gone = link.closing = True
            self.links.remove(link)

    def from_client(self, link):
        data = self.read(link.client)
        if data is None:
            link.client_gone = True
            self.finish(link)
            return
        if link.closing:
            return
        self.recorded[SENT] += data
        if self.freeze_behind is not None and self.recorded[SENT].count(self.freeze_behind[0]) >= self.freeze_behind[1]:
            self.freeze_behind = None
            self.frozen.add(RECEIVED)
        if link.target is not None:
            link.to_target += data
        else:
            self.answer(link, data)

    def from_target(self, link):
        data = self.read(link.target)
        if data is None:
            self.finish(link)
        elif self.drip_ms or link.dripping:
            # What still drips when the drip ends comes first.
            link.dripping += data
        else:
            self.say(link, data)

    def read(self, sock, flags=0):
        """The bytes that are there, None at the end of the connection."""
        try:
            return sock.recv(CHUNK, flags) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def flush(self, sock, data):
        """Writes what the socket takes; False if the connection has ended."""
        try:
            while data:
                del data[:sock.send(data[:CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def finish(self, link):
        """One side has ended: the other one still gets what was on its way."""
        if link in self.links:
            self.flush(link.client, link.to_client)
            if link.target is not None:
                self.flush(link.target, link.to_target)
            if link.client_gone or not self.half_close(link):
                link.close()
                self.links.remove(link)

    def half_close(self, link):
        """FIN to the client; then only its end is waited for. Closing at once could become a RST."""
        if link.closing:
            return True
        link.closing = True
        link.dripping.clear()
        if link.target is not None:
            link.target.close()
            link.target = None
        try:
            link.client.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True

    def answer(self, link, data):
        """The scripted server: the first pattern that a line begins with chooses what is said."""
        link.lines += data
        while True:
            if link.skip:
                if len(link.lines) < link.skip:
                    return
                del link.lines[:link.skip]
                link.skip = 0
            end = link.lines.find(b"\n")
            if end < 0:
                return
            line = bytes(link.lines[:end]).rstrip(b"\r")
            del link.lines[:end + 1]
            words = line.split()
            if words and words[0].upper() in (b"PUB", b"HPUB") and words[-1].isdigit():
                # A payload may look like anything; it is no command.
                link.skip = int(words[-1]) + 2
            for pattern, said, ends in self.answers:
                if line.startswith(pattern):
                    self.say(link, said)
                    if ends:
                        self.finish(link)
                        return
                    break

    # The loop

    def run(self):
        while True:
            poll = select.poll()
            handlers = {sys.stdin.fileno(): None}
            poll.register(sys.stdin.fileno(), select.POLLIN)
            if self.listener is not None:
                handlers[self.listener.fileno()] = (self.accept, None)
                poll.register(self.listener.fileno(), select.POLLIN)
            for link in self.links:
                self.register(poll, handlers, link)
            events = poll.poll(self.wait_ms())
            if self.held_until is not None and time.monotonic() >= self.held_until:
                self.held_until = None
                self.frozen.discard(SENT)
            for number, what in events:
                if handlers[number] is None:
                    # One command at a time; the pipe is read unbuffered, so that poll sees the next one.
                    if not self.command():
                        return
            for number, what in events:
                self.handle(handlers[number], what)
            self.drip()

    def register(self, poll, handlers, link):
        client = select.POLLRDHUP
        if SENT not in self.frozen and len(link.to_target) < BUFFER or link.closing:
            client |= select.POLLIN
        if link.to_client:
            client |= select.POLLOUT
        if not (link.client_gone and client == select.POLLRDHUP):
            handlers[link.client.fileno()] = (self.on_client, link)
            poll.register(link.client.fileno(), client)
        if link.target is not None:
            target = select.POLLOUT if link.to_target else 0
            if RECEIVED not in self.frozen and len(link.to_client) + len(link.dripping) < BUFFER:
                target |= select.POLLIN
            if target:
                handlers[link.target.fileno()] = (self.on_target, link)
                poll.register(link.target.fileno(), target)

    def handle(self, handler, what):
        if handler is None:
            return
        function, link = handler
        if link is None:
            function()
        elif link in self.links:
            function(link, what)

    def on_client(self, link, what):
        if what & select.POLLOUT and not self.flush(link.client, link.to_client):
            link.client_gone = True
            self.finish(link)
        elif what & (select.POLLERR | select.POLLHUP | select.POLLRDHUP) and SENT in self.frozen:
            # Nothing may be read while frozen, yet the count of open connections is to be true.
            link.client_gone = True
            if what & select.POLLERR:
                self.finish(link)
        elif what & (select.POLLERR | select.POLLHUP | select.POLLRDHUP) or what & select.POLLIN and (SENT not in self.frozen or link.closing):
            self.from_client(link)

    def on_target(self, link, what):
        if link.target is None:
            return  # an event of this very round has closed it
        if what & select.POLLOUT and not self.flush(link.target, link.to_target):
            self.finish(link)
        elif what & (select.POLLERR | select.POLLHUP) or what & select.POLLIN and RECEIVED not in self.frozen:
            self.from_target(link)

    def wait_ms(self):
        waits = [wait for wait in (self.drip_wait(), self.held_wait()) if wait is not None]
        return min(waits) if waits else None

    def held_wait(self):
        if self.held_until is None:
            return None
        return max(0, int((self.held_until - time.monotonic()) * 1000) + 1)

    def drip_wait(self):
        if self.drip_ms and RECEIVED not in self.frozen and any(link.dripping for link in self.links):
            return max(0, int((self.next_drip - time.monotonic()) * 1000) + 1)
        return None

    def drip(self):
        now = time.monotonic()
        if now < self.next_drip or RECEIVED in self.frozen:
            return
        self.next_drip = now + self.drip_ms / 1000
        for link in list(self.links):
            count = self.drip_bytes if self.drip_ms else len(link.dripping)
            data = bytes(link.dripping[:count])
            del link.dripping[:count]
            if data:
                self.say(link, data)

    # Commands

    def command(self):
        line = sys.stdin.readline()
        if not line:
            return False
        words = line.decode().rstrip("\n").split("\t")
        try:
            said = self.obey(words[0], words[1:])
            print("ok" if said is None else "ok %s" % said, flush=True)
        except (OSError, ValueError, IndexError, KeyError) as failure:
            print("error %s: %s" % (words[0], failure), flush=True)
        return True

    def obey(self, name, words):
        if name in (SENT, RECEIVED):
            return base64.b64encode(bytes(self.recorded[name])).decode()
        if name == "clear":
            for data in self.recorded.values():
                data.clear()
        elif name == "connections":
            return sum(not link.client_gone and not link.closing for link in self.links)
        elif name == "accepted":
            return self.accepted
        elif name == "freeze":
            self.frozen |= set(words) if words else {SENT, RECEIVED}
        elif name == "freeze_behind":
            self.freeze_behind = (base64.b64decode(words[0]), int(words[1]))
        elif name == "thaw":
            self.frozen -= set(words) if words else {SENT, RECEIVED}
        elif name == "held":
            held = [self.read(link.target, socket.MSG_PEEK) or b"" for link in self.links if link.target is not None]
            return base64.b64encode(b"".join(held)).decode()
        elif name == "hold":
            self.frozen.add(SENT)
            self.held_until = time.monotonic() + int(words[0]) / 1000
        elif name == "cut":
            for link in list(self.links):
                self.finish(link)
        elif name == "reset":
            for link in self.links:
                link.reset()
            self.links.clear()
        elif name == "refuse":
            self.refuse() if int(words[0]) else self.listen()
        elif name == "inject":
            for link in [link for link in self.links if not link.closing]:
                self.say(link, base64.b64decode(words[0]))
        elif name == "drip":
            self.drip_ms, self.drip_bytes = int(words[0]), int(words[1])
            self.next_drip = 0.0
        elif name == "cut_after":
            self.cut_after = int(words[0])
        elif name == "target":
            self.target = (words[0], int(words[1]))
        elif name == "greet":
            self.greeting = base64.b64decode(words[0])
        elif name in ("on", "end"):
            self.answers.append((base64.b64decode(words[0]), base64.b64decode(words[1]), name == "end"))
        elif name == "forget":
            self.answers.clear()
        else:
            raise ValueError("unknown command")
        return None


def main():
    # Unbuffered: a line left in Python's buffer would be invisible to poll.
    sys.stdin = open(0, "rb", buffering=0)
    proxy = Proxy((sys.argv[2], int(sys.argv[3])) if sys.argv[1] == "proxy" else None)
    print(proxy.port, flush=True)
    try:
        proxy.run()
    except (KeyboardInterrupt, BrokenPipeError):
        pass


main()
