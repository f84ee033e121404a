"""Answers as a spawnd of another version would: another_daemon.py SOCKET ANSWERS, a JSON object of path to answer. What is not
in it is no path there."""
import http.server
import json
import socketserver
import sys

SOCKET, ANSWERS = sys.argv[1], json.loads(sys.argv[2])


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        known = self.path in ANSWERS
        body = json.dumps(ANSWERS[self.path] if known else {"error": {"code": "not_found", "message": "no such path"}}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer

    def address_string(self):
        return "a socket"

    def log_message(self, *_):
        pass


socketserver.UnixStreamServer(SOCKET, Handler).serve_forever()
