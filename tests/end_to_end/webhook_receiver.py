#!/usr/bin/env python3
"""A receiver of webhooks that does what a file says: FOLDER/mode holds a status, `hang` or `close`.

    webhook_receiver.py FOLDER PORT [CERTIFICATE KEY]

Every POST becomes a line of FOLDER/received: {"path", "answered", "headers", "body"}.
"""
import http.server
import json
import pathlib
import ssl
import sys
import time

FOLDER = pathlib.Path(sys.argv[1])


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        mode = (FOLDER / "mode").read_text().strip()
        with open(FOLDER / "received", "a", encoding="utf-8") as file:
            file.write(json.dumps({"path": self.path, "answered": mode, "headers": dict(self.headers), "body": body}) + "\n")
        if mode == "hang":
            time.sleep(600)
        if mode in ("hang", "close"):
            self.close_connection = True
            return
        # Some redirect, some say much: neither is to matter.
        answer = b"x" * (200_000 if mode == "201" else 2)
        self.send_response(int(mode))
        self.send_header("Location", f"http://127.0.0.1:{sys.argv[2]}/elsewhere")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Receiver)
server.daemon_threads = True
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    # The handshake is each connection's own thread's.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
