"""One request with descriptors, of the kinds that files_test.sh names; prints the answer.

    send_descriptors.py SOCKET METHOD TARGET BODY ANNOUNCED KIND...
"""
import os
import socket
import sys

SOCKET, METHOD, TARGET, BODY, ANNOUNCED, *KINDS = sys.argv[1:]
PER_MESSAGE = 250  # the kernel takes 253


def opened(kind):
    if kind == "file":
        return os.open("/etc/hostname", os.O_RDONLY)
    if kind == "socket":
        return socket.socketpair()[0].detach()
    if kind == "tcp":
        return socket.socket().detach()
    if kind == "device":
        return os.open("/dev/zero", os.O_RDONLY)
    if kind == "opath":
        return os.open("/", os.O_PATH)
    if kind == "write":
        return os.open("/tmp", os.O_TMPFILE | os.O_WRONLY)
    if kind == "proc":
        return os.open("/proc/self/environ", os.O_RDONLY)
    if kind == "procfolder":
        return os.open("/proc/self/fd", os.O_RDONLY)
    if kind == "sysfs":
        return os.open("/sys/kernel/uevent_seqnum", os.O_RDONLY)
    raise ValueError(kind)


def main():
    # One descriptor of a kind, sent as often as it is named.
    known = {kind: opened(kind) for kind in set(KINDS)}
    descriptors = [known[kind] for kind in KINDS]
    head = f"{METHOD} {TARGET} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(BODY)}\r\n"
    if ANNOUNCED:
        head += f"Spawn-Descriptors: {ANNOUNCED}\r\n"
    text = (head + "\r\n" + BODY).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(SOCKET)
        try:
            while len(descriptors) > PER_MESSAGE:
                socket.send_fds(connection, [text[:1]], descriptors[:PER_MESSAGE])
                text, descriptors = text[1:], descriptors[PER_MESSAGE:]
            socket.send_fds(connection, [text[:1]], descriptors)
            connection.sendall(text[1:])
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was whole
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    print(answer.decode())


main()
