"""Holds a running daemon to docs/openapi.yaml, from outside.

    openapi_conformance.py SOCKET OPENAPI ROUTES FOLDER

Every operation of the document is carried out for real, at least once with success and once with an error; each answer's
status and content type must be documented, and each body must fit its schema with nothing in it that the document does
not name. Every route of the daemon (ROUTES, the file with the router's table) is in the document and the other way round.
From each success come further requests, each wrong in one place and right in all others, which must be refused: what is
wrong, and not something else that is missing, is then the only reason.

An operation without a line in SUCCESSES fails, with a word on what to add. Prints PASS and FAIL lines.
"""
import http.client
import json
import re
import socket
import sys
import urllib.parse

import jsonschema
import yaml

SOCKET, OPENAPI, ROUTES, FOLDER = sys.argv[1:5]
METHODS = ("get", "post", "put", "patch", "delete")



def head_bytes(file):
    """Of the head of an export file (docs/export-format.md)."""
    return 64 + int.from_bytes(file[32:36].encode("latin-1"), "little") + 48 * int.from_bytes(file[36:40].encode("latin-1"), "little") + 8


# operationId, path parameters, body, what to keep of the answer (a field, or what a function makes of it): in an order in
# which they work. "$x" in a parameter or body stands for what an earlier line kept as x.
SUCCESSES = [
    ("getVersion", {}, None, {}),
    ("getCa", {}, None, {}),
    ("getWhoAmI", {}, None, {}),
    ("getMetrics", {"containers": "true"}, None, {}),
    ("listDataImages", {}, None, {}),
    ("listDataContainers", {}, None, {}),
    ("createDataImage", {}, {"name": "api", "sourceType": "backup", "engine": "postgresql", "tags": ["one"],
                             "teams": [], "lifetimeSeconds": 3600, "durability": "always", "superuser": True,
                             "initialDatabaseName": "shop", "backups": [{"name": "items.sql", "descriptor": 0}],
                             "preScript": "select 1;", "postScript": "select 2;",
                             "settings": {"work_mem": "5MB"},
                             "restore": {"continueOnError": False, "ignoredErrors": ["42704"],
                                         "skipExtensions": ["nothing"], "schemaOnly": False}}, {"image": "id"}),
    ("createFetchPlan", {}, {"engine": "postgresql", "version": "15", "method": "dump", "jobs": 2, "hasPassword": True,
                             "connection": {"scheme": "postgresql", "host": "127.0.0.1", "port": 1, "user": "me", "database": "shop",
                                            "sslMode": "prefer", "sslRootCert": "/ca.pem"},
                             "folder": "/var/tmp/mine", "answers": ["version 150001"]}, {}),
    ("createUpload", {"name": "items.sql"}, "create table uploaded (id int);", {"upload": "id"}),
    ("createDataImage", {}, {"name": "uploaded", "sourceType": "backup", "engine": "postgresql",
                             "initialDatabaseName": "shop", "backups": [{"name": "items.sql", "upload": "$upload"}]},
     {"uploaded": "id"}),
    ("deleteDataImage", {"ref": "$uploaded"}, None, {}),
    ("getDataImage", {"ref": "api:one"}, None, {}),
    ("getDataImageLog", {"ref": "api:one", "tail": 5}, None, {}),
    ("exportDataImage", {"ref": "api:one", "offset": 8, "bytes": 100}, None, {}),
    ("exportDataImage", {"ref": "api:one", "offset": 0}, None,
     {"head": lambda file: file[:head_bytes(file)], "rest": lambda file: file[head_bytes(file):]}),
    ("beginImport", {"name": "imported", "tags": "one,two", "teams": ""}, "$head", {"import": "id", "offset": "offset"}),
    ("receiveImport", {"id": "$import", "offset": "$offset"}, "$rest", {}),
    ("importDataImage", {}, {"import": "$import", "name": "imported", "tags": ["one"], "teams": [], "lifetimeSeconds": 3600},
     {"imported": "id"}),
    ("deleteDataImage", {"ref": "$imported"}, None, {}),
    ("listDataImages", {}, None, {}),
    ("createDataContainer", {}, {"image": "$image", "name": "api", "lifetimeSeconds": 3600,
                                 "durability": "everysec", "superuser": False, "noWait": True, "endsWithClient": False,
                                 "settings": {"max_connections": "40"}}, {"container": "id"}),
    ("getDataContainer", {"ref": "api"}, None, {}),
    ("listDataContainers", {}, None, {}),
    ("getDataContainerLog", {"ref": "api", "tail": 5, "follow": "false"}, None, {}),
    ("saveDataContainer", {"ref": "api"}, None, {}),
    ("resetDataContainer", {"ref": "$container"}, None, {}),
    ("loadDataContainer", {"ref": "api"}, {"revision": "rev.0"}, {}),
    ("stopDataContainer", {"ref": "api"}, None, {}),
    ("startDataContainer", {"ref": "api"}, None, {}),
    ("restartDataContainer", {"ref": "api"}, None, {}),
    ("graduateDataContainer", {"ref": "api"}, {"revision": "rev.1", "name": "graduated", "tags": ["a/b"]}, {}),
    ("getDataImageLog", {"ref": "api:one", "tail": 10}, None, {}),
    ("getDataContainerLog", {"ref": "api", "tail": 10}, None, {}),
    ("updateDataContainer", {"ref": "api"}, {"name": "api-two", "lifetimeSeconds": 0}, {}),
    ("updateDataImage", {"ref": "graduated"}, {"name": "graduated", "tags": ["b"], "teams": ["public"],
                                               "removeTags": ["none"], "removeTeams": ["nobody"],
                                               "lifetimeSeconds": 60}, {}),
    ("listDataImages", {"public": "true"}, None, {}),
    ("getDataImage", {"ref": "postgres-empty"}, None, {}),
    ("getDoctor", {}, None, {}),
    ("getEngines", {}, None, {}),
    ("getPool", {}, None, {}),
    ("getEvents", {}, None, {}),
    ("getEvents", {"since": 0, "type": "image", "event": "pending,completed"}, None, {}),
    ("createDataSource", {}, {"name": "kept", "sourceType": "backup", "engine": "postgresql",
                              "definition": "name: kept\nsourceType: backup\nengine: postgresql\nbackup: {path: items.sql}\n",
                              "folder": FOLDER, "schedule": "0 3 1 1 *", "keep": 2}, {"source": "id"}),
    ("listDataSources", {}, None, {}),
    ("getDataSource", {"ref": "kept"}, None, {}),
    ("updateDataSource", {"ref": "$source"}, {"name": "kept-still", "schedule": "@yearly", "keep": 3}, {}),
    ("runDataSource", {"ref": "kept-still"}, None, {}),
    ("getDataSourceLog", {"ref": "kept-still", "tail": 5, "follow": "false"}, None, {}),
    ("deleteDataSource", {"ref": "$source"}, None, {}),
    ("createAccessToken", {}, {"purpose": "a test"}, {"token": "id"}),
    ("listAccessTokens", {}, None, {}),
    ("getAccessToken", {"ref": "$token"}, None, {}),
    ("deleteAccessToken", {"ref": "$token"}, None, {}),
    ("deleteDataContainer", {"ref": "api-two"}, None, {}),
    ("deleteDataImage", {"ref": "graduated:a/b"}, None, {}),
    ("deleteDataImage", {"ref": "$image"}, None, {}),
]

# Files whose descriptors go along with a request that has a body.
FILES = {"createDataImage": [FOLDER + "/items.sql"]}

failures = 0


def report(ok, what, why=""):
    global failures
    failures += 0 if ok else 1
    print(f"{'PASS' if ok else 'FAIL'} openapi: {what}" + (f"\n  {why}" if not ok else ""), flush=True)


class UnixConnection(http.client.HTTPConnection):
    """Sends `files` as descriptors with the first bytes of the request."""

    def __init__(self, files=()):
        super().__init__("localhost", timeout=60)
        self.files = [open(path, "rb") for path in files]

    def send(self, data):
        if self.sock is None:
            self.connect()
        if not self.files:
            return self.sock.sendall(data)
        sent = socket.send_fds(self.sock, [data], [file.fileno() for file in self.files])
        self.close_files()
        return self.sock.sendall(data[sent:])

    def close_files(self):
        while self.files:
            self.files.pop().close()

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(SOCKET)


def strict(schema, root):
    """An OpenAPI 3.0 schema as JSON Schema, in which an object has only the properties that are named."""
    if isinstance(schema, list):
        return [strict(item, root) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        node = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        return strict(node, root)
    out = {key: strict(value, root) for key, value in schema.items()}
    if "properties" in out and "additionalProperties" not in out:
        out["additionalProperties"] = False
    if out.get("type") == "object" and "properties" not in out and "additionalProperties" not in out:
        out["additionalProperties"] = False
    if out.pop("nullable", False):
        if "type" not in out:  # of another schema, which stands in allOf
            return {"anyOf": [out, {"type": "null"}]}
        out["type"] = [out["type"], "null"]
    return out


class Operation:
    def __init__(self, root, path, method, node, shared):
        self.root, self.path, self.method = root, path, method.upper()
        self.id = node["operationId"]
        parameters = [strict(p, root) for p in shared + node.get("parameters", [])]
        self.path_parameters = {p["name"] for p in parameters if p["in"] == "path"}
        self.query = {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}
        self.responses = node["responses"]
        body = node.get("requestBody")
        self.body = strict(body["content"].get("application/json", {}).get("schema"), root) if body else None

    def send(self, parameters=None, body=None, headers=None, files=None):
        path = self.path
        for name in self.path_parameters:
            path = path.replace("{%s}" % name, urllib.parse.quote(str((parameters or {}).get(name, "x")), safe=""))
        query = {k: v for k, v in (parameters or {}).items() if k not in self.path_parameters}
        if query:
            path += "?" + urllib.parse.urlencode(query)
        files = files if files is not None else FILES.get(self.id, []) if body is not None else []
        connection = UnixConnection(files)
        text = body if isinstance(body, (str, type(None))) else json.dumps(body)
        connection.request(self.method, path, text, {**(headers or {}), "Spawn-Descriptors": str(len(files))})
        answer = connection.getresponse()
        binary = answer.headers["Content-Type"] == "application/octet-stream"
        content = answer.read().decode("latin-1" if binary else "utf-8")
        connection.close()
        return answer.status, answer.headers, content

    def check(self, status, headers, content):
        """Returns the last JSON of the answer; raises when the document does not know the answer."""
        response = self.responses.get(str(status)) or (self.responses.get("default") if status >= 400 else None)
        assert response, f"status {status} is not in the document: {content[:300]}"
        response = strict(response, self.root)
        for name, header in response.get("headers", {}).items():
            assert name in headers, f"status {status} has no header {name}"
            jsonschema.validate(headers[name], header["schema"])
        content_type = (headers["Content-Type"] or "").split(";")[0]
        known = response.get("content", {})
        assert content_type in known, f"content type '{content_type}' of status {status} is not in the document"
        if content_type == "application/x-ndjson":
            items = [json.loads(line) for line in content.splitlines()]
        elif content_type == "application/json":
            items = [json.loads(content)]
        else:
            return content
        assert items, "an empty stream"
        for item in items:
            jsonschema.validate(item, known[content_type]["schema"], format_checker=jsonschema.FormatChecker())
        return items[-1]


def operations(root):
    found = {}
    for path, item in root["paths"].items():
        for method in METHODS:
            if method in item:
                operation = Operation(root, path, method, item[method], item.get("parameters", []))
                found[operation.id] = operation
    return found


def filled(value, kept):
    if isinstance(value, str) and value.startswith("$"):
        return str(kept[value[1:]])
    if isinstance(value, dict):
        return {key: filled(item, kept) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, kept) for item in value]
    return value


def succeed(known, kept, line):
    operation_id, parameters, body, keep = line
    operation = known[operation_id]
    status, headers, content = operation.send(filled(parameters, kept), filled(body, kept))
    last = operation.check(status, headers, content)
    assert status < 400, f"{status}: {content[:300]}"
    assert not (isinstance(last, dict) and "error" in last), f"the stream ends with {last}"
    result = last.get("result", last) if isinstance(last, dict) else last
    for name, field in keep.items():
        kept[name] = field(result) if callable(field) else result[field]


def refused(operation, statuses, **request):
    status, headers, content = operation.send(**request)
    last = operation.check(status, headers, content)
    assert status in statuses, f"{status} instead of {statuses}: {content[:300]}"
    check_message(last["error"]["message"])


def check_message(message):
    assert message and "\n" not in message, f"not one line: {message!r}"
    twice = re.search(r"\b([a-z]+) \1\b", message)
    assert not twice, f"'{twice[1]}' twice in a row: {message}"


def wrong_type(schema):
    kinds = schema.get("type")
    return 5 if kinds == "string" else "x" if kinds in ("integer", "number", "array", "boolean", "object") else None


def wrong_bodies(schema, right):
    """Bodies that are each wrong in one place, with a word on where; `right` is one that would succeed."""
    yield "no JSON", "{"
    yield "a list", []
    yield "an unknown field", {**right, "noSuchField": 1}
    for name, value in schema.get("properties", {}).items():
        yield f"'{name}' of another type", {**right, name: wrong_type(value)}
        if value.get("type") == "array":
            yield f"an item of '{name}' of another type", {**right, name: [wrong_type(value["items"])]}
        if "maxItems" in value:
            yield f"more '{name}' than there may be", {**right, name: [f"t{i}" for i in range(value["maxItems"] + 1)]}
        if "enum" in value:
            yield f"a '{name}' that is none", {**right, name: "no such word"}
        if "pattern" in value:
            for text in ("no good", "123", "x" * 64):
                if not re.search(value["pattern"], text):
                    yield f"'{text}' as '{name}'", {**right, name: text}
        if "maxLength" in value:
            yield f"a '{name}' that is too long", {**right, name: "x" * (value["maxLength"] + 1)}
        if "minimum" in value:
            yield f"a '{name}' below its minimum", {**right, name: value["minimum"] - 1}
        if "maximum" in value:
            yield f"a '{name}' above its maximum", {**right, name: value["maximum"] + 1}
    for name in schema.get("required", []):
        yield f"no '{name}'", {key: value for key, value in right.items() if key != name}


def wrong_queries(operation):
    yield "an unknown parameter", {"noSuchParameter": "1"}
    for name, schema in operation.query.items():
        if schema["type"] != "string":
            yield f"'{name}' of another type", {name: "perhaps"}
        if "maxLength" in schema:
            yield f"a '{name}' that is too long", {name: "x" * (schema["maxLength"] + 1)}
        if "minimum" in schema:
            yield f"a '{name}' below its minimum", {name: schema["minimum"] - 1}
        if "maximum" in schema:
            yield f"a '{name}' above its maximum", {name: schema["maximum"] + 1}


def check_wrong_places(operation, kept, line):
    """The line of a success, before it is carried out, with one mistake at a time."""
    parameters, right = filled(line[1], kept), filled(line[2] or {}, kept)
    if operation.body is not None:
        for what, body in wrong_bodies(operation.body, right):
            refused_for(what, operation, parameters=parameters, body=body)
    for what, query in wrong_queries(operation):
        refused_for(what, operation, parameters={**parameters, **query}, body=right if operation.body else None)


def refused_for(what, operation, **request):
    try:
        refused(operation, (400,), **request)
    except (AssertionError, jsonschema.ValidationError) as error:
        raise AssertionError(f"{what}: {error}") from None


def check_refusals(operation):
    refused(operation, (431, 400), headers={"X-Padding": "x" * 100_000})
    assert "401" in operation.responses, "the document has no 401 for it"
    for value in ("Bearer no-such-token", "Bearer", "", "Basic c3Bhd246"):
        refused(operation, (401,), headers={"Authorization": value})
    if operation.path_parameters:
        body = {name: "rev.0" for name in (operation.body or {}).get("required", [])}
        refused(operation, (404,), parameters={"ref": "no-such-thing"}, body=body if operation.body else None)


def check_security(root, known):
    """Each alternative under `security` is a way in, and nothing else is."""
    schemes = root["components"]["securitySchemes"]
    assert root["security"] == [{}, {"accessToken": []}], "security is peer credentials, or a token"
    assert (schemes["accessToken"]["type"], schemes["accessToken"]["scheme"]) == ("http", "bearer")
    make, who, delete = known["createAccessToken"], known["getWhoAmI"], known["deleteAccessToken"]
    made = make.check(*make.send(body={"purpose": "security"}))["result"]
    accepted = [{"Authorization": text + made["token"]} for text in ("Bearer ", "bearer ", "BEARER    ")]
    for headers in [{}] + accepted:
        status, answered, content = who.send(headers=headers)
        who.check(status, answered, content)
        assert status == 200, f"{status}: {content[:300]}"
    delete.check(*delete.send(parameters={"ref": made["id"]}, headers=accepted[0]))
    for headers in accepted:
        refused(who, (401,), headers=headers)


def check_failing_stream(operation):
    """Work that fails after it has begun: progress, then an error in place of a result, all of it as documented."""
    path = FOLDER + "/fails.sql"
    with open(path, "w", encoding="utf-8") as file:
        file.write("create table a (id int);\ninsert into nowhere values (1);\n")
    last = operation.check(*operation.send(body={"name": "fails", "sourceType": "backup", "engine": "postgresql",
                                                 "initialDatabaseName": "shop", "backups": [{"name": "fails.sql", "descriptor": 0}]},
                                           files=[path]))
    assert last["error"]["code"] == "invalid_argument" and "nowhere" in last["error"]["message"], f"it ends with {last}"


def guarded(what, check, *arguments):
    try:
        check(*arguments)
        report(True, what)
    except (AssertionError, jsonschema.ValidationError, OSError, ValueError, KeyError, http.client.HTTPException) as error:
        report(False, what, f"{type(error).__name__}: {error}"[:1500])


def check_routes(root):
    with open(ROUTES, encoding="utf-8") as file:
        routes = set(re.findall(r'Add\(\s*"([A-Z]+)",\s*"([^"]+)"', file.read()))
    documented = {(method.upper(), path) for path, item in root["paths"].items() for method in METHODS if method in item}
    assert routes == documented, (f"only in the daemon: {sorted(routes - documented)}; "
                                  f"only in the document: {sorted(documented - routes)}")


def main():
    with open(OPENAPI, encoding="utf-8") as file:
        root = yaml.safe_load(file)
    known = operations(root)
    guarded("the daemon's routes are the document's", check_routes, root)
    guarded("security", check_security, root, known)
    guarded("createDataImage ends its stream with an error", check_failing_stream, known["createDataImage"])
    kept, seen = {}, set()
    for line in SUCCESSES:
        if line[0] in known:
            if line[0] not in seen:
                guarded(f"{line[0]} refuses one wrong place", check_wrong_places, known[line[0]], kept, line)
            seen.add(line[0])
            guarded(f"{line[0]} {json.dumps(line[1])}", succeed, known, kept, line)
        else:
            report(False, line[0], "openapi_conformance.py exercises it, and the document has no such operation")
    for operation in known.values():
        if operation.id not in {line[0] for line in SUCCESSES}:
            report(False, operation.id, "no line in SUCCESSES of tests/end_to_end/openapi_conformance.py: add one that succeeds")
        guarded(f"{operation.id} refuses what is wrong", check_refusals, operation)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
