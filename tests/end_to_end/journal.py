"""The journal's end of a daemon's records, and requests to every route that changes something.

    journal.py listen SOCKET FILE     takes datagrams as systemd-journald does (its native protocol), and appends each record
                                      to FILE as one line of JSON: {field: [values]}
    journal.py routes OPENAPI API FILE    sends to each operation of the API that changes something a request that must fail,
                                      and one with a token that is not valid to every operation; each has to leave exactly the
                                      record that it should, and reads that were let in none
"""
import json
import os
import re
import socket
import struct
import sys
import time
import urllib.parse


def parsed(datagram):
    """systemd.journal-fields, "Native Journal Protocol": NAME=value, or NAME, the length of the value, and it."""
    fields = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            name = line
            (length,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8:8 + length], rest[8 + length + 1:]
        fields.setdefault(name.decode(), []).append(value.decode("utf-8", "backslashreplace"))
        datagram = rest
    return fields


def listen(path, file):
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(path)
    os.chmod(path, 0o666)
    with open(file, "a", encoding="utf-8") as out:
        while True:
            out.write(json.dumps(parsed(journal.recv(1 << 20))) + "\n")
            out.flush()


def ask(api, method, path, body="", token=""):
    """The status of one request on a connection of its own."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(api)
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}"
                       f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    connection.close()
    return int(answer.split(b" ", 2)[1]), answer


def records(file, after):
    with open(file, encoding="utf-8") as lines:
        return [record for record in map(json.loads, lines) if "SPAWND_VERB" in record][after:]


def one_of(file, before, count):
    """What has come since; a record comes before the answer, so nothing is waited for but the listener itself."""
    deadline = time.monotonic() + 5
    while len(records(file, before)) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.02)
    return records(file, before)


def routes(openapi, api, file):
    import yaml
    with open(openapi, encoding="utf-8") as text:
        paths = yaml.safe_load(text)["paths"]
    changing = 0
    for path, item in paths.items():
        for method in ("get", "post", "put", "delete"):
            if method not in item:
                continue
            target = re.sub(r"\{\w+\}", urllib.parse.quote('no"thing\nSPAWND_UID=4711', safe=""), path)
            changes = method != "get"
            for token, code in (("", None), ("spawn_10001_none", "unauthenticated")):
                before = len(records(file, 0))
                # What no operation takes, so that none of them is done.
                status, answer = ask(api, method.upper(), target + ("?nonsense=1" if method == "post" and not token else ""), "", token)
                expected = 1 if changes or token else 0
                came = one_of(file, before, expected)
                what = f"{method} {path} ({status}{', token' if token else ''})"
                assert len(came) == expected, f"{what} leaves {len(came)} records instead of {expected}: {came}"
                if not expected:
                    continue
                record = came[0]
                assert status >= 400, f"{what} was done: {answer[:300]}"
                assert record["SPAWND_OUTCOME"] == ["failed"] and (code is None or record["SPAWND_CODE"] == [code]), f"{what}: {record}"
                assert record["SPAWND_UID"] == [str(os.getuid())] and record["SPAWND_PID"] == [str(os.getpid())], f"{what}: {record}"
                assert record["SPAWND_BY"] == ["user"] and record["MESSAGE_ID"], f"{what}: {record}"
                assert all(len(values) == 1 for values in record.values()), f"{what}: {record}"
                assert all("\n" not in value for values in record.values() for value in values), f"{what}: {record}"
                if "{" in path:
                    assert record["SPAWND_NAME"] == ['no"thing\\nSPAWND_UID=4711'], f"{what}: {record}"
                changing += changes and not token
                print(f"{what}: {record['SPAWND_VERB'][0]} {record['SPAWND_RESOURCE'][0]} {record['SPAWND_CODE'][0]}")
    assert changing >= 12, f"only {changing} operations"


if __name__ == "__main__":
    {"listen": listen, "routes": routes}[sys.argv[1]](*sys.argv[2:])
