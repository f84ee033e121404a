#!/usr/bin/env python3
"""The laws of the tree that a compiler does not check (docs/overview.md, CONTRIBUTING.md).

    law_test.py REPO        from meson; a line for each law, and the exit code says whether all hold

A law is a function of one file that yields complaints. Beside it stand texts that break it and a text that does
not: each law is tried on those first, so that a law that can no longer fail is itself a failure.
"""

import os
import re
import sys

CODE_FOLDERS = ["base", "yaml", "storage", "engines", "api", "daemon", "client"]
# Which folder may include which: arrows go down only.
MAY_INCLUDE = {
    "base": {"base"},
    "yaml": {"yaml", "base"},
    "storage": {"storage", "base"},
    "engines": {"engines", "base"},
    "api": {"api", "base"},
    "daemon": {"daemon", "api", "engines", "storage", "yaml", "base"},
    "client": {"client", "api", "yaml", "base"},
}
# The same for the rooms of a folder. What stands outside them (daemon/serve.cc, client/main.cc) looks at all rooms, and
# no room at that. A room not named here is a folder without a law, which is one itself.
ROOMS = {
    "daemon/loop": {"base"},
    "daemon/metrics": {"base"},
    "daemon/host": {"engines", "api", "base"},
    "daemon/session": {"engines", "api", "base"},
    "daemon/door": {"engines", "base"},
    "daemon/init": {"daemon/door", "daemon/session", "engines", "storage", "base"},
    "daemon/tools": {"daemon/init", "engines", "base"},
    "daemon/keeper": {"daemon/door", "daemon/init", "daemon/session", "daemon/host", "engines", "storage", "api", "base"},
    "daemon/http": {"daemon/loop", "api", "base"},
    "daemon/catalog": {"api", "base"},
    "daemon/store": {"daemon/catalog", "storage", "base"},
    "daemon/access": {"daemon/catalog", "daemon/http", "daemon/loop", "api", "base"},
    "daemon/machine": {"daemon/catalog", "base"},
    "daemon/containers": {"daemon/machine", "daemon/door", "daemon/keeper", "daemon/access", "daemon/catalog", "daemon/store", "daemon/loop", "daemon/host",
                          "daemon/metrics", "engines", "storage", "api", "base"},
    "daemon/sleep": {"daemon/containers", "daemon/keeper", "daemon/access", "daemon/catalog", "daemon/store", "daemon/loop", "daemon/host",
                     "daemon/metrics", "api", "base"},
    "daemon/images": {"daemon/catalog", "daemon/store", "daemon/loop", "daemon/host", "engines", "api", "base"},
    "daemon/pool": {"daemon/containers", "daemon/images", "daemon/catalog", "daemon/store", "daemon/loop", "daemon/host",
                    "daemon/metrics", "engines", "api", "base"},
    "daemon/build": {"daemon/tools", "daemon/images", "daemon/keeper", "daemon/init", "daemon/access", "daemon/store", "daemon/catalog", "daemon/loop",
                     "daemon/host", "daemon/metrics", "engines", "storage", "api", "base"},
    "daemon/sources": {"daemon/build", "daemon/containers", "daemon/images", "daemon/keeper", "daemon/init", "daemon/access", "daemon/catalog",
                       "daemon/store", "daemon/loop", "daemon/host", "daemon/metrics", "engines", "storage", "api", "yaml", "base"},
    "daemon/transfer": {"daemon/build", "daemon/images", "daemon/http", "daemon/store", "daemon/catalog", "daemon/loop", "daemon/host",
                        "engines", "storage", "api", "base"},
    "daemon/logs": {"daemon/keeper", "daemon/http", "daemon/loop", "api", "base"},
    "daemon/events": {"daemon/catalog", "daemon/access", "daemon/images", "daemon/http", "daemon/loop", "api", "base"},
    "daemon/doctor": {"daemon/door", "daemon/host", "daemon/store", "engines", "api", "base"},
    "daemon/fsck": {"daemon/catalog", "daemon/store", "daemon/keeper", "storage", "api", "base"},
    "daemon/upkeep": {"daemon/catalog", "daemon/store", "daemon/loop", "storage", "api", "base"},
    "daemon/handlers": {"daemon/loop", "daemon/host", "daemon/http", "daemon/catalog", "daemon/store", "daemon/access",
                        "daemon/keeper", "daemon/containers", "daemon/images", "daemon/build", "daemon/transfer", "daemon/logs", "daemon/doctor",
                        "daemon/events", "daemon/metrics", "daemon/pool", "daemon/sources", "engines",
                        "storage", "api", "base"},
}
# What a folder may not know of, as the beginnings of header names.
SOCKET_HEADERS = ("sys/socket.h", "sys/un.h", "netinet/", "arpa/", "netdb.h")
MAY_NOT_INCLUDE = {
    "storage": ("uv.h", "yaml-cpp/", "rapidjson/", "llhttp.h", "spdlog/", "systemd/", "libpq-fe.h", "sqlite3.h"),
    "engines": ("uv.h", "yaml-cpp/", "llhttp.h", "spdlog/", "fuse", "sqlite3.h"),
    "api": ("uv.h", "yaml-cpp/", "llhttp.h", "spdlog/", "sqlite3.h") + SOCKET_HEADERS,
    "client": ("uv.h", "yaml-cpp/", "libpq-fe.h", "fuse", "sqlite3.h"),
    "yaml": ("uv.h", "rapidjson/", "llhttp.h", "spdlog/", "libpq-fe.h", "fuse", "sqlite3.h") + SOCKET_HEADERS,
    "base": ("uv.h", "yaml-cpp/", "rapidjson/", "llhttp.h", "spdlog/", "libpq-fe.h", "fuse", "sqlite3.h"),
    "daemon": ("yaml-cpp/",),
}
MAX_LINES = 500
MAX_FILES = 30
# A struct that only lends others its members, and how many units outside its room may open it: more, and everything
# depends on everything.
MAX_REFERENCES = 8
MAX_OPENERS = 3
OTHER_FOLDERS = ["tests", "docs", "packaging", "systemd"]
# Files that comments and pages name although they are not in the tree: headers of others, and examples.
NOT_OURS = {"linux/fuse.h", "linux/loop.h", "zlib.h", "sybdb.h", "rdb.h", "llhttp.h", "pg_backup.h", "x.h", "x.cc"}
EXAMPLES = ("ci/", "with-database.sh")  # of docs/ci.md, in the repository of whoever reads it
PRODUCTS = r"(?i)(postgres|mariadb|mysql|mssql|sqlservr)"
DOMAIN_WORDS = r"(?i)\b(keeper|catalog|revision|data_?image|data_?container|volume)s?\b"


def folder_of(path):
    return path.split("/")[0]


def room_of(path):
    """daemon/http/server.cc -> daemon/http; daemon/serve.cc -> daemon."""
    return "/".join(path.split("/")[:-1][:2])


def is_cpp(path):
    return path.endswith((".cc", ".h"))


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
        if found:
            yield number, found.group(1), found.group(2)


def without_comments(text):
    """The text with comments blanked, line numbers kept. Strings stay."""
    token = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/'
    blank = lambda m: re.sub(r"[^\n]", " ", m.group()) if m.group()[0] == "/" else m.group()
    return re.sub(token, blank, text, flags=re.S)


def matches(text, pattern):
    for number, line in enumerate(text.splitlines(), 1):
        found = re.search(pattern, line)
        if found:
            yield number, found.group()


def arrows_go_down(path, text):
    allowed = MAY_INCLUDE.get(folder_of(path))
    if not is_cpp(path) or allowed is None:
        return
    for number, quote, name in includes(text):
        target = folder_of(name)
        if target in MAY_INCLUDE and target not in allowed:
            yield f"{path}:{number}: {folder_of(path)}/ may not include {target}/ ({name})"
        elif quote == '"' and (target == "tests" or target not in MAY_INCLUDE):
            yield f"{path}:{number}: include from the root, and nothing of tests/ ({name})"


def rooms_include_downwards(path, text):
    room = room_of(path)
    if not is_cpp(path) or folder_of(path) != "daemon" or "/" not in room:
        return
    if room not in ROOMS:
        yield f"{path}: a room without a law: name {room} in ROOMS"
        return
    for number, _, name in includes(text):
        target = room_of(name) if folder_of(name) == "daemon" else folder_of(name)
        if folder_of(name) in MAY_INCLUDE and target != room and target not in ROOMS[room]:
            yield f"{path}:{number}: {room}/ may not include {name}"


def folders_stay_ignorant(path, text):
    for number, _, name in includes(text) if is_cpp(path) else ():
        for banned in MAY_NOT_INCLUDE.get(folder_of(path), ()):
            if name.startswith(banned):
                yield f"{path}:{number}: {folder_of(path)}/ may not know {name}"


def only_engines_name_products(path, text):
    if is_cpp(path) and folder_of(path) in set(MAY_INCLUDE) - {"engines"}:
        for number, word in matches(without_comments(text), PRODUCTS):
            yield f"{path}:{number}: only engines/ may name a product ({word})"


def base_has_no_domain_words(path, text):
    if is_cpp(path) and folder_of(path) == "base":
        for number, word in matches(without_comments(text), DOMAIN_WORDS):
            yield f"{path}:{number}: base/ may not know what a {word} is"


def own_header_comes_first(path, text):
    """So that each header is compiled with nothing before it: its source's first include. tests/lint/headers.py tries the others."""
    own = path[:-3] + ".h"
    names = [name for _, _, name in includes(text)] if path.endswith(".cc") else []
    if own in names[1:]:
        yield f"{path}: include {own} before all others"


def files_are_short(path, text):
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield f"{path}: {lines} lines; split it, {MAX_LINES} is the most"


def headers_open_properly(path, text):
    if not path.endswith(".h"):
        return
    if not text.startswith("//"):
        yield f"{path}:1: a header opens with a comment: what it is, who calls it from which thread, what survives"
    if not re.search(r"^#pragma once$", text, re.M):
        yield f"{path}: no #pragma once"


def names_say_the_thing(path, text):
    vague = r"(Manager|Helper|Util)"
    if re.search(r"(?i)(manager|helper|util)", os.path.basename(path)):
        yield f"{path}: the file's name says nothing"
    if is_cpp(path):
        for number, found in matches(without_comments(text), rf"\b(class|struct|enum|using|namespace)\s+(class\s+)?\w*{vague}\w*"):
            yield f"{path}:{number}: '{found}' says nothing; use the field's own word"


def nothing_is_unfinished(path, text):
    for number, word in matches(text, r"\b(TODO|FIXME|XXX|HACK)\b"):
        yield f"{path}:{number}: {word}: finish it or write an issue"


# Laws of the tree as a whole: functions of all (path, text) pairs.


def folders_are_small(files):
    sources = {}
    for path, _ in files:
        if is_cpp(path):
            sources.setdefault(os.path.dirname(path), []).append(path)
    for folder, paths in sorted(sources.items()):
        if len(paths) > MAX_FILES:
            yield f"{folder}/: {len(paths)} source files; make rooms, {MAX_FILES} is the most"


def lenders(files):
    """(header, struct) of each struct of a namespace that has more than MAX_REFERENCES references or pointers as members.
    What a class has is its own, and what it takes is for whoever makes one."""
    member = r"^\s+(?:const\s+)?[\w:]+(?:<[^;()]*>)?\s*(?:&|\*(?:\s*const)?|(?<=>))\s*\w+(?:\s*=[^;]*|\{[^;]*\})?;"
    pointer = re.compile(member, re.M)
    for path, text in files:
        if not path.endswith(".h"):
            continue
        plain = without_comments(text)
        for found in re.finditer(r"^struct\s+(\w+)[^;{}]*\{\n(.*?)^\};", plain, re.M | re.S):
            owned = [m for m in pointer.finditer(found.group(2)) if re.search(r"[&*]|_ptr<", m.group())]
            if len(owned) > MAX_REFERENCES:
                yield path, found.group(1)


def no_struct_that_everything_opens(files):
    for header, name in lenders(files):
        openers = {re.sub(r"\.(cc|h)$", "", path) for path, text in files
                   if is_cpp(path) and folder_of(path) != "tests" and room_of(path) != room_of(header)
                   and any(included == header for _, _, included in includes(text))}
        if len(openers) > MAX_OPENERS:
            yield (f"{header}: {name} lends more than {MAX_REFERENCES} others, and {len(openers)} units outside its room open it; "
                   f"give each what it uses")


def prose(path, text):
    """(line number, line) of what a file says to people: all of a page, the comments of code."""
    for number, line in enumerate(text.splitlines(), 1):
        found = None if path.endswith(".md") else re.search(r"//.*|^\s*#(?!\s*include\b).*", line)
        if path.endswith(".md") or found:
            yield number, line if found is None else found.group()


def named_files(line):
    """Words of a line that name files: a/b.h, b.h, a/*.cc, and anything below one of our folders."""
    file = r"(?:[\w.*-]+/)*[\w*-]+\.(?:h|cc|py|sh|md)"
    below = rf"(?:{'|'.join(CODE_FOLDERS + OTHER_FOLDERS)})/[\w.*/-]*\w/?"
    for found in re.finditer(rf"(?<![\w./$}}<~:-])({file}|{below})(?![\w/*-])", line):
        yield found.group(1).rstrip("/")


def named_files_exist(files):
    """A path is from the root or from where it is written; a name alone is that of some file."""
    paths = {path for path, _ in files}
    known = paths | {"/".join(path.split("/")[:n]) for path in paths for n in range(1, path.count("/") + 1)}
    known_names = {os.path.basename(path) for path in paths}
    for path, text in files:
        for number, line in prose(path, text) if not path.startswith("tests/law/") else ():
            for name in named_files(line):
                pattern = re.escape(name).replace(r"\*", "[^/]*").replace("ENGINE", r"\w+")
                here = re.escape(os.path.dirname(path))
                beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
                if name in known or beside in known or name in NOT_OURS or name.startswith(EXAMPLES):
                    continue
                if "/" not in name and name in known_names:
                    continue
                if ("*" in name or "ENGINE" in name) and any(re.fullmatch(rf"(?:{here}/)?{pattern}", k) for k in known):
                    continue
                yield f"{path}:{number}: there is no {name}"


def named_functions_exist(files):
    """Where a page names functions behind a file (`a/b.cc` A::F, G), the file has them."""
    texts = dict(files)
    for path, text in files:
        for number, line in prose(path, text) if path.endswith(".md") else ():
            for file, names in re.findall(r"`([\w/]+\.(?:cc|h))` ((?:[A-Z][\w:]*(?:, )?)+)", line):
                for name in names.strip(", ").split(", "):
                    if not re.search(rf"\b{name}\b", without_comments(texts.get(file, ""))):
                        yield f"{path}:{number}: there is no {name} in {file}"


STATE = "struct State {\n" + "".join(f"  std::unique_ptr<Part{i}> p{i};\n  Other{i}& o{i};\n" for i in range(5)) + "};\n"
USERS = [(f"daemon/room{i}/a.cc", '#include "daemon/state/state.h"\n') for i in range(4)]

# law, trees that break it, trees that do not
LAWS_OF_THE_TREE = [
    (folders_are_small, [[(f"daemon/x/{i}.cc", "") for i in range(31)]],
     [[(f"daemon/x/{i}.cc", "") for i in range(30)] + [(f"daemon/x/y/{i}.cc", "") for i in range(30)]]),
    (no_struct_that_everything_opens, [[("daemon/state/state.h", STATE)] + USERS],
     [[("daemon/state/state.h", STATE)] + USERS[:3], [("daemon/state/state.h", STATE)] + USERS[:1] * 9,
      [("daemon/state/state.h", STATE.replace("&", "").replace("std::unique_ptr", "std::vector"))] + USERS]),
    (named_files_exist,
     [[("daemon/a.h", "/// As daemon/gone.h has it.\n")], [("daemon/a.cc", "int x;  // see gone.cc\n")],
      [("docs/a.md", "in `storage/gone*.cc`\n"), ("storage/delta/gone_x.cc", "")], [("docs/a.md", "[b](../gone.md)\n")],
      [("tests/a.sh", "# by tests/gone\n")], [("README.md", "tried by tests/a/ and tests/b/\n"), ("tests/a/c.sh", "")]],
     [[("daemon/a.h", "/// As daemon/b.h, b.h and <zlib.h> have it, or c/d.cc.\n"), ("daemon/b.h", ""), ("daemon/c/d.cc", "")],
      [("docs/a.md", "in `storage/*/gone*.cc`, at `/x/gone.h`\n"), ("storage/delta/gone_x.cc", "")],
      [("daemon/a.cc", '#include "daemon/gone.h"\nopen("gone.h");\n')], [("tests/a.sh", "run gone.sh\n")]]),
    (named_functions_exist,
     [[("docs/a.md", "| x | `daemon/a.cc` A::Gone |\n"), ("daemon/a.cc", "void A::G() {} // A::Gone\n")],
      [("docs/a.md", "| `daemon/a.cc` A::G, Gone; `daemon/b.cc` B |\n"), ("daemon/a.cc", "A::G"), ("daemon/b.cc", "B")]],
     [[("docs/a.md", "| `daemon/a.cc` A::G, H; `daemon/b.cc` B, and so on |\n"), ("daemon/a.cc", "A::G H"), ("daemon/b.cc", "B")]]),
]

# These look at pages, too, and at every name there is.
OF_PAGES = (named_files_exist, named_functions_exist)

# law, (path, text) pairs that break it, (path, text) pairs that do not
LAWS = [
    (arrows_go_down,
     [("storage/a.cc", '#include "daemon/loop/jobs.h"\n'), ("engines/postgresql/a.cc", '#include "storage/volume.h"\n'),
      ("client/a.cc", '#include "daemon/loop/jobs.h"\n'), ("base/a.h", '#  include <api/types.h>\n'),
      ("api/a.cc", '#include "yaml/tree.h"\n'), ("yaml/a.cc", '#include "api/types.h"\n'),
      ("daemon/a.cc", '#include "tests/support/catch.h"\n'), ("daemon/a.cc", '#include "jobs.h"\n')],
     [("daemon/a.cc", '#include "storage/volume.h"\n#include <vector>\n'), ("tests/a.cc", '#include "daemon/loop/jobs.h"\n')]),
    (rooms_include_downwards,
     [("daemon/http/a.cc", '#include "daemon/handlers/answers/answer.h"\n'), ("daemon/keeper/a.h", '#include "daemon/loop/jobs.h"\n'),
      ("daemon/images/a.cc", '#include "daemon/reaper.h"\n'), ("daemon/catalog/a.cc", '#include "engines/engine.h"\n'),
      ("daemon/attic/a.cc", "#include <vector>\n")],
     [("daemon/http/a.cc", '#include "daemon/http/b.h"\n#include "daemon/loop/jobs.h"\n#include <uv.h>\n'),
      ("daemon/serve.cc", '#include "daemon/handlers/handlers.h"\n#include "daemon/reaper.h"\n')]),
    (folders_stay_ignorant,
     [("storage/a.h", "#include <uv.h>\n"), ("storage/a.cc", "#include <rapidjson/document.h>\n"),
      ("storage/a.cc", "#include <spdlog/spdlog.h>\n"), ("client/a.cc", "#include <uv.h>\n"),
      ("engines/a.cc", "#include <uv.h>\n"), ("api/a.cc", "#include <sys/socket.h>\n"),
      ("daemon/a.cc", "#include <yaml-cpp/yaml.h>\n")],
     [("daemon/a.cc", "#include <uv.h>\n"), ("yaml/a.cc", "#include <yaml-cpp/yaml.h>\n"), ("client/a.cc", "#include <sys/socket.h>\n")]),
    (only_engines_name_products,
     [("daemon/a.cc", 'auto* e = FindEngine("postgresql");\n'), ("client/a.cc", "class MySqlThing {};\n")],
     [("engines/postgresql/a.cc", 'return "postgresql";\n'), ("daemon/a.cc", "// as PostgreSQL does\n")]),
    (base_has_no_domain_words,
     [("base/a.h", "struct Keeper {};\n"), ("base/a.cc", 'Fail("volume is gone");\n')],
     [("base/a.h", "// the volume\nstruct File {};\n")]),
    (own_header_comes_first,
     [("daemon/http/a.cc", '#include <vector>\n\n#include "daemon/http/a.h"\n')],
     [("daemon/http/a.cc", '#include "daemon/http/a.h"\n\n#include <vector>\n'), ("daemon/a.cc", '#include <vector>\n')]),
    (files_are_short, [("daemon/a.cc", "x\n" * 501)], [("daemon/a.cc", "x\n" * 500)]),
    (headers_open_properly,
     [("api/a.h", "#pragma once\n"), ("api/a.h", "/// Types.\nstruct A;\n")], [("api/a.h", "/// Types.\n#pragma once\n")]),
    (names_say_the_thing,
     [("api/string_utils.h", "/// x\n"), ("api/a.h", "class ImageManager {\n"), ("api/a.h", "enum class HelperKind {\n")],
     [("api/a.h", "class Catalog {\n"), ("api/a.cc", "auto m = TypeManagerOfOthers();\n")]),
    (nothing_is_unfinished,
     [("api/a.h", "// TODO later\n"), ("dev", "# FIXME\n"), ("api/a.cc", "int x;  // XXX\n")],
     [("tests/a.sh", "mktemp /tmp/a.XXXXXX\n")]),
]


def tree(repo):
    """Every file of ours that is code: (path from the root, text)."""
    for folder in CODE_FOLDERS + ["tests", "packaging", "systemd"]:
        for where, folders, names in os.walk(os.path.join(repo, folder)):
            folders[:] = [f for f in folders if not f.startswith(".") and f != "__pycache__"]
            for name in sorted(names):
                if name.endswith((".cc", ".h", ".sh", ".py", ".in")) or folder == "packaging":
                    path = os.path.join(where, name)
                    with open(path, encoding="utf-8") as file:
                        yield os.path.relpath(path, repo), file.read()
    for name in ["dev", ".ci/run"]:
        with open(os.path.join(repo, name), encoding="utf-8") as file:
            yield name, file.read()


def everything(repo):
    """Every file there is, with its text where that is code or a page."""
    files = dict(tree(repo))
    yield from files.items()
    for where, folders, names in os.walk(repo):
        folders[:] = [f for f in folders if f != "__pycache__" and not (where == repo and f.startswith((".", "build")))]
        for path in sorted(os.path.join(where, name) for name in names):
            short = os.path.relpath(path, repo)
            if short not in files:
                with open(path, encoding="utf-8", errors="replace") as file:
                    yield short, file.read() if path.endswith(".md") else ""


def report(name, complaints):
    for complaint in complaints:
        print(f"  {complaint}")
    print(f"{'FAIL' if complaints else 'PASS'} law: {name}" + (f" ({len(complaints)} times)" if complaints else ""))
    return len(complaints)


def main():
    files = [f for f in tree(sys.argv[1]) if f[0] != "tests/law/law_test.py"]
    failed = 0
    for law, bad, good in LAWS:
        name = law.__name__.replace("_", " ")
        for path, text in bad:
            if not list(law(path, text)):
                print(f"FAIL law '{name}' no longer sees what is wrong in {path}: {text[:60]!r}")
                failed += 1
        for path, text in good:
            for complaint in law(path, text):
                print(f"FAIL law '{name}' complains where nothing is wrong: {complaint}")
                failed += 1
        failed += report(name, [c for path, text in files for c in law(path, text)])
    for law, bad, good in LAWS_OF_THE_TREE:
        name = law.__name__.replace("_", " ")
        for sample in bad:
            if not list(law(sample)):
                print(f"FAIL law '{name}' no longer sees what is wrong in {sample[0][0]} and {len(sample) - 1} more")
                failed += 1
        for sample in good:
            for complaint in law(sample):
                print(f"FAIL law '{name}' complains where nothing is wrong: {complaint}")
                failed += 1
        failed += report(name, list(law(list(everything(sys.argv[1])) if law in OF_PAGES else files)))
    if len(files) < 20:
        print(f"FAIL law: saw only {len(files)} files; the tree is elsewhere")
        failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
