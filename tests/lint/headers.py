#!/usr/bin/env python3
"""Each header compiles alone.

    headers.py BUILD        a build directory that was configured with -Db_pch=false

A header whose source includes it first (tests/law holds it to that) is compiled alone as often as that is without a
precompiled header: by the sanitizer build. What is left are headers without a source; each is tried here, with the
arguments of a source near it. Prints what the compiler says of those that fail; exits 1 when one did.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys

ROOTS = ("base", "yaml", "storage", "engines", "api", "daemon", "client", "tests")


def without_source():
    """Headers that no source of the same name includes before all others."""
    for root in ROOTS:
        for folder, _, names in os.walk(root):
            for name in sorted(names):
                path = os.path.join(folder, name)
                source = path[:-2] + ".cc"
                if not name.endswith(".h"):
                    continue
                if os.path.exists(source):
                    with open(source, encoding="utf-8") as file:
                        first = re.search(r'^\s*#\s*include\s*[<"]([^>"]+)', file.read(), re.M)
                    if first and first.group(1) == path:
                        continue
                yield path


def arguments_near(header, entries):
    """The compiler's arguments for the source that has most of its path in common with the header."""
    def shared(entry):
        return len(os.path.commonprefix([header, entry["source"]]))
    words = shlex.split(max(entries, key=shared)["command"])
    words = words[words.index("c++"):]
    return [word for word in words[:words.index("-MD")]], max(entries, key=shared)["directory"]


def main(build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        entry["source"] = os.path.relpath(os.path.join(entry["directory"], entry["file"]))

    def compiles(header):
        arguments, directory = arguments_near(header, entries)
        run = subprocess.run(arguments + ["-fsyntax-only", "-include", os.path.abspath(header), "-x", "c++", "/dev/null"],
                             cwd=directory, capture_output=True, text=True, check=False)
        return run.returncode == 0, run.stderr

    failed, headers = 0, list(without_source())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, (fine, said) in zip(headers, pool.map(compiles, headers)):
            if not fine:
                failed += 1
                print(f"{header} does not compile alone:\n{said}")
    return 1 if failed or not headers else 0


sys.exit(main(sys.argv[1]))
