#!/usr/bin/env python3
"""A client that connects, asks one question and goes, again and again, until it is ended by SIGTERM; then it says what became of it.

    reconnecting_client.py KIND HOST PORT USER PASSWORD DATABASE [PATIENCE [PAUSE]]

KIND: postgresql, mariadb, mysql, redis, valkey. The protocols are spoken by hand, so that it knows at which step a connection has failed:
a line "attempts N refused N failed N cut N slowest N.NNN". `refused`: not even TCP. `failed`: the server did not let it in.
`cut`: it was in, and the question was not answered; a server that is ended on purpose may do that to whoever is in.
Each failure is a line of its own before. PATIENCE: seconds that one connection may take (60). PAUSE: at most so many between two
of them, at random (0), so that a server may fall asleep meanwhile.
"""

import base64
import hashlib
import hmac
import os
import random
import signal
import socket
import ssl
import struct
import sys
import time

kind, host, port, user, password, database = sys.argv[1:7]
patience = float(sys.argv[7]) if len(sys.argv) > 7 else 60
pause = float(sys.argv[8]) if len(sys.argv) > 8 else 0


class Ended(Exception):
    pass


class Wire:
    def __init__(self):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(patience)
        self.socket.connect((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def take(self, count):
        got = b""
        while len(got) < count:
            part = self.socket.recv(count - len(got))
            if not part:
                raise Ended("the connection was closed after %r" % got[:80])
            got += part
        return got

    def send(self, data):
        self.socket.sendall(data)


def message(wire):
    kind_of = wire.take(1)
    return kind_of, wire.take(struct.unpack("!i", wire.take(4))[0] - 4)


def scram(wire):
    nonce = base64.b64encode(os.urandom(18)).decode()
    first = "n=,r=" + nonce
    initial = ("n,," + first).encode()
    wire.send(packet(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(initial)) + initial))
    what, body = message(wire)
    if what != b"R":
        raise Ended(body.decode(errors="replace"))
    server = body[4:].decode()
    fields = dict(part.split("=", 1) for part in server.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    last = "c=biws,r=" + fields["r"]
    signature = hmac.digest(hashlib.sha256(key).digest(), ",".join((first, server, last)).encode(), "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
    wire.send(packet(b"p", (last + ",p=" + proof).encode()))


def packet(kind_of, body):
    return kind_of + struct.pack("!i", len(body) + 4) + body


def enter_postgresql(wire):
    body = b"".join(text.encode() + b"\0" for text in ("user", user, "database", database)) + b"\0"
    wire.send(struct.pack("!ii", len(body) + 8, 196608) + body)
    while True:
        what, body = message(wire)
        if what == b"R" and body[:4] == b"\0\0\0\x0a":
            scram(wire)
        elif what == b"E":
            raise Ended(body.decode(errors="replace").replace("\0", " "))
        elif what == b"Z":
            return


def ask_postgresql(wire):
    wire.send(packet(b"Q", b"select 1\0"))
    while True:
        what, body = message(wire)
        if what == b"E":
            raise Ended(body.decode(errors="replace").replace("\0", " "))
        if what == b"Z":
            return


def part_of_mariadb(wire):
    length = wire.take(4)
    body = wire.take(length[0] | length[1] << 8 | length[2] << 16)
    if body[:1] == b"\xff":
        raise Ended(body[3:].decode(errors="replace"))
    return body


def native(seed):
    one = hashlib.sha1(password.encode()).digest()
    two = hashlib.sha1(seed + hashlib.sha1(one).digest()).digest()
    return bytes(a ^ b for a, b in zip(one, two))


def enter_mariadb(wire):
    greeting = part_of_mariadb(wire)
    at = greeting.index(b"\0", 1) + 5
    seed = greeting[at:at + 8] + greeting[at + 27:at + 39]
    # Protocol 4.1, secure connection, plugins, a database.
    flags = 0x0200 | 0x8000 | 0x80000 | (8 if database else 0)
    answer = native(seed)
    body = struct.pack("<IIB23x", flags, 1 << 24, 45) + user.encode() + b"\0" + bytes([len(answer)]) + answer
    body += (database.encode() + b"\0" if database else b"") + b"mysql_native_password\0"
    wire.send(struct.pack("<I", len(body))[:3] + b"\1" + body)
    reply = part_of_mariadb(wire)
    if reply[:1] == b"\xfe":
        answer = native(reply[reply.index(b"\0") + 1:].rstrip(b"\0"))
        wire.send(struct.pack("<I", len(answer))[:3] + b"\3" + answer)
        part_of_mariadb(wire)


def framed(wire):
    """A packet and its number in the conversation."""
    length = wire.take(4)
    body = wire.take(length[0] | length[1] << 8 | length[2] << 16)
    if body[:1] == b"\xff":
        raise Ended(body[3:].decode(errors="replace"))
    return body, length[3]


def frame(number, body):
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def caching_sha2(seed):
    one = hashlib.sha256(password.encode()).digest()
    two = hashlib.sha256(hashlib.sha256(one).digest() + seed).digest()
    return bytes(a ^ b for a, b in zip(one, two))


def enter_mysql(wire):
    """Over TLS, because a server that has just started knows no password yet and wants it in clear."""
    greeting, number = framed(wire)
    at = greeting.index(b"\0", 1) + 5
    seed = greeting[at:at + 8] + greeting[at + 27:at + 39]
    flags = 0x0200 | 0x0800 | 0x8000 | 0x80000 | (8 if database else 0)
    head = struct.pack("<IIB23x", flags, 1 << 24, 45)
    wire.send(frame(number + 1, head))
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    wire.socket = context.wrap_socket(wire.socket)
    answer = caching_sha2(seed)
    body = head + user.encode() + b"\0" + bytes([len(answer)]) + answer
    body += (database.encode() + b"\0" if database else b"") + b"caching_sha2_password\0"
    wire.send(frame(number + 2, body))
    while True:
        body, number = framed(wire)
        if body[:1] == b"\0":
            return
        if body[:1] == b"\xfe":
            wire.send(frame(number + 1, caching_sha2(body[body.index(b"\0") + 1:].rstrip(b"\0"))))
        elif body == b"\x01\x04":
            wire.send(frame(number + 1, password.encode() + b"\0"))


def ask_mariadb(wire):
    wire.send(b"\x09\0\0\0\x03select 1")
    for _ in range(5):
        part_of_mariadb(wire)


def line_of_redis(wire):
    line = b""
    while not line.endswith(b"\r\n"):
        line += wire.take(1)
    if line[:1] == b"-":
        raise Ended(line.decode())


def enter_redis(wire):
    wire.send(("AUTH %s\r\n" % password).encode())
    line_of_redis(wire)


def ask_redis(wire):
    wire.send(b"PING\r\n")
    line_of_redis(wire)


enter, ask = {
    "postgresql": (enter_postgresql, ask_postgresql),
    "mariadb": (enter_mariadb, ask_mariadb),
    "mysql": (enter_mysql, ask_mariadb),
    "redis": (enter_redis, ask_redis),
    "valkey": (enter_redis, ask_redis),
}[kind]
going = True


def stop(*_):
    global going
    going = False


signal.signal(signal.SIGTERM, stop)
counts = {"attempts": 0, "refused": 0, "failed": 0, "cut": 0}
slowest = 0.0
print("begun", flush=True)
while going:
    counts["attempts"] += 1
    begun = time.monotonic()
    step = "refused"
    try:
        wire = Wire()
        step = "failed"
        enter(wire)
        step = "cut"
        ask(wire)
        wire.socket.close()
    except (OSError, Ended, ValueError, IndexError) as error:
        counts[step] += 1
        print(("%.3f %s: %s: %s" % (time.time(), step, type(error).__name__, error)).replace("\0", " "), flush=True)
        time.sleep(0.001)
    slowest = max(slowest, time.monotonic() - begun)
    rests_until = time.monotonic() + random.uniform(0, pause)
    while going and time.monotonic() < rests_until:
        time.sleep(0.02)
print(" ".join("%s %d" % one for one in counts.items()), "slowest %.3f" % slowest, flush=True)
