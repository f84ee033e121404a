#!/usr/bin/env python3
"""clang-tidy over the product's sources, several to a run.

    tidy.py BUILD           a build directory that was configured with -Db_pch=false

Most of clang-tidy's time goes into what sources include, so sources of one library are included by one file and looked at
together: its checks see the same code, and a complaint names the source and its line. What cannot stand in one file (two
sources with a name of their own that is the same) is kept apart: names that are defined at the left margin are read from
the text, and a group that does not compile all the same is halved until it does.

Prints the complaints, each once; exits 1 when there was one.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys

FOLDERS = ("base/", "yaml/", "storage/", "engines/", "api/", "daemon/", "client/")
MOST = 10  # sources in a group: enough to share what they include, few enough to keep two cores busy to the end
TIDY = "clang-tidy-14"


def own_names(text):
    """Names that a source defines for itself: what may clash when it is included beside another."""
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', '""', text, flags=re.S)
    names = set(re.findall(r"^#\s*define\s+(\w+)", text, re.M))
    for line in text.splitlines():
        if not re.match(r"[A-Za-z_]", line) or re.match(r"(namespace|return|public|private|protected)\b", line):
            continue
        found = (re.match(r"(?:using|struct|class|enum(?: class)?)\s+(\w+)", line) or re.search(r"(\w+)(?:\[\w*\])?\s*(?:=|\{)", line)
                 or re.match(r"[^=(]*?\b(\w+)\s*\(", line) or re.search(r"(\w+);$", line))
        if found:
            names.add(found.group(1))
    return names


def groups_of(commands):
    """[[source]] of one library each; no two sources of a group define the same name."""
    libraries = {}
    for source, (_, arguments) in sorted(commands.items()):
        libraries.setdefault(tuple(arguments), []).append(source)
    result = []
    for sources in libraries.values():
        groups = []  # of (sources, names)
        for source in sources:
            with open(source, encoding="utf-8") as file:
                names = own_names(file.read())
            for members, taken in groups:
                if len(members) < MOST and not names & taken:
                    members.append(source)
                    taken |= names
                    break
            else:
                groups.append(([source], set(names)))
        result += [members for members, _ in groups]
    return sorted(result, key=len, reverse=True)


def read_commands(build):
    """{source: (directory, arguments without compiler, source, output)}"""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    result = {}
    for entry in entries:
        source = os.path.relpath(os.path.join(entry["directory"], entry["file"]))
        if not source.startswith(FOLDERS):
            continue
        words = shlex.split(entry["command"])
        words = words[words.index("c++") + 1:] if "c++" in words else words[1:]
        arguments, skip = [], False
        for word in words:
            if skip:
                skip = False
            elif word in ("-o", "-MF", "-MQ", "-c"):
                skip = True
            elif word != "-MD":
                arguments.append(word)
        result.setdefault(source, (entry["directory"], arguments))
    return result


def look(build, sources, commands, number):
    """clang-tidy's exit code and what it says of some sources of one library."""
    directory, arguments = commands[sources[0]]
    if len(sources) == 1:
        path = sources[0]
    else:
        path = os.path.join(build, f"group{number}.cc")
        with open(path, "w", encoding="utf-8") as file:
            for source in sources:
                file.write(f'#include "{source}"  // NOLINT(bugprone-suspicious-include)\n')
    run = subprocess.run([TIDY, "--quiet", os.path.abspath(path), "--"] + arguments, cwd=directory, capture_output=True, text=True,
                         check=False)
    return run.returncode, run.stdout


def main(build):
    commands = read_commands(build)
    groups = groups_of(commands)
    complaints, failed = [], False

    def group(number, sources):
        """[(exit code, text)] of a group; of its halves, when it does not compile as one."""
        code, text = look(build, sources, commands, number)
        if len(sources) == 1 or "[clang-diagnostic-error]" not in text:
            return [(code, text)]
        half = len(sources) // 2
        return group(number, sources[:half]) + group(number, sources[half:])

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for results in pool.map(group, range(len(groups)), groups):
            for code, text in results:
                failed |= code != 0
                for block in re.split(r"^(?=\S+:\d+:\d+: (?:warning|error))", text, flags=re.M):
                    if block.strip() and block not in complaints:
                        complaints.append(block)
    print("".join(complaints), end="")
    return 1 if failed else 0


sys.exit(main(sys.argv[1]))
