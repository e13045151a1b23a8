"""A WebSocket gateway before the websocket port of a nats-server, steered by lines on standard input.

    ws_gateway.py HOST PORT [CERT KEY]      forwards to HOST:PORT, which speaks WebSocket without TLS

It makes the upgrade with the client and one of its own with the server, then hands the frames on as they are. The first
line written is the port it listens on. Commands are words separated by TAB, bytes in them are base64; each is answered
by one line, `ok ...` or `error ...`. The end of standard input ends the program.

    seen            base64 of the head of the latest request
    answer BYTES    what the next clients get instead of an upgrade; empty: an upgrade again
    say BYTES       raw bytes to each client, between two frames of the server
    again N         sends what the server says in frames of N bytes, each in three fragments with a ping in between; 0 ends that
    opcodes         opcodes of the frames from clients, oldest first
    cut             ends every connection with FIN
    accepted        connections accepted up to now
"""

import base64
import hashlib
import os
import socket
import ssl
import struct
import sys
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def read_head(sock):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            return None
        head += byte
    return head


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_frame(sock):
    """First byte, payload (unmasked), and the frame as it came."""
    raw = read_exactly(sock, 2)
    first, second = raw
    length = second & 0x7F
    if length == 126:
        more = read_exactly(sock, 2)
        raw += more
        length = struct.unpack("!H", more)[0]
    elif length == 127:
        more = read_exactly(sock, 8)
        raw += more
        length = struct.unpack("!Q", more)[0]
    mask = b""
    if second & 0x80:
        mask = read_exactly(sock, 4)
        raw += mask
    payload = read_exactly(sock, length)
    return first, payload, raw + payload


def frame(first, payload):
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 65536:
        return bytes([first, 126]) + struct.pack("!H", len(payload)) + payload
    return bytes([first, 127]) + struct.pack("!Q", len(payload)) + payload


class Gateway:
    def __init__(self, target, tls):
        self.target = target
        self.tls = tls
        self.lock = threading.Lock()
        self.head = b""
        self.answer = b""
        self.again = 0
        self.opcodes = []
        self.links = []
        self.accepted = 0
        self.listener = socket.create_server(("127.0.0.1", 0))

    def run(self):
        while True:
            client = self.listener.accept()[0]
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = None
        try:
            if self.tls is not None:
                client = self.tls.wrap_socket(client, server_side=True)
            head = read_head(client)
            if head is None:
                return
            with self.lock:
                self.head = head
                answer = self.answer
            if answer:
                client.sendall(answer)
                return
            headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            key = next(value for name, value in headers.items() if name.lower() == b"sec-websocket-key")
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
            server = socket.create_connection(self.target, 5)
            server.settimeout(None)
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            own = base64.b64encode(os.urandom(16))
            server.sendall(
                b"GET / HTTP/1.1\r\nHost: nats\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: " + own + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            read_head(server)
            client.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            link = (client, server)
            with self.lock:
                self.links.append(link)
            threading.Thread(target=self.from_server, args=link, daemon=True).start()
            while True:
                first, _, raw = read_frame(client)
                with self.lock:
                    self.opcodes.append(first & 0xF)
                server.sendall(raw)
        except (OSError, EOFError):
            pass
        finally:
            self.end(client, server)

    def from_server(self, client, server):
        try:
            while True:
                first, payload, raw = read_frame(server)
                with self.lock:
                    again = self.again
                    if again and first & 0xF == 2:
                        for start in range(0, len(payload), again):
                            self.in_pieces(client, payload[start:start + again])
                    else:
                        client.sendall(raw)
        except (OSError, EOFError):
            pass
        finally:
            self.end(client, server)

    def in_pieces(self, client, payload):
        third = len(payload) // 3
        client.sendall(frame(0x02, payload[:third]) + frame(0x00, payload[third:2 * third]))
        client.sendall(frame(0x89, b"MSG in.a.ping 1 1\r\nx\r\n"))
        client.sendall(frame(0x80, payload[2 * third:]))

    def end(self, *socks):
        with self.lock:
            self.links = [link for link in self.links if link[0] is not socks[0]]
        for sock in socks:
            if sock is not None:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                sock.close()

    def command(self, words):
        name, args = words[0], words[1:]
        with self.lock:
            if name == "seen":
                return base64.b64encode(self.head).decode()
            if name == "answer":
                self.answer = base64.b64decode(args[0])
            elif name == "say":
                for client, _ in self.links:
                    client.sendall(base64.b64decode(args[0]))
            elif name == "again":
                self.again = int(args[0])
            elif name == "opcodes":
                return " ".join(map(str, self.opcodes))
            elif name == "accepted":
                return str(self.accepted)
            elif name != "cut":
                raise ValueError("unknown command " + name)
            links = list(self.links)
        if name == "cut":
            for link in links:
                self.end(*link)
        return ""


def main():
    host, port = sys.argv[1:3]
    tls = None
    if len(sys.argv) > 3:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[3], sys.argv[4])
    gateway = Gateway((host, int(port)), tls)
    threading.Thread(target=gateway.run, daemon=True).start()
    print(gateway.listener.getsockname()[1], flush=True)
    for line in sys.stdin:
        try:
            print("ok", gateway.command(line.rstrip("\n").split("\t")), flush=True)
        except (OSError, ValueError, IndexError) as error:
            print("error", error, flush=True)


main()
