"""Holds the manual pages to the programs: every command and flag of --help is in its page and the other way round, and
every key of spawnd.yaml.

    man_test.py SOURCE SPAWNCTL SPAWND
"""
import re
import subprocess
import sys

SOURCE, SPAWNCTL, SPAWND = sys.argv[1:4]
failures = 0


def report(complaints, what):
    global failures
    failures += len(complaints)
    print(f"{'FAIL' if complaints else 'PASS'} man: {what}")
    for complaint in complaints:
        print("  " + complaint)


def help_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def page(name):
    with open(f"{SOURCE}/docs/man/{name}", encoding="utf-8") as file:
        text = re.sub(r"\\f.", "", file.read().replace("\\-", "-"))
    # "data-image" is written in pieces where its parts have different fonts.
    return text, re.sub(r'[" \n]+', " ", text)


def flags_in(text):
    return set(re.findall(r"(?<![\w-])--[a-zA-Z][\w-]*", text))


def commands():
    rows = re.findall(r"^  ([a-z]+(?:-[a-z]+)*)(?: ([a-z]+(?:-[a-z]+)*))?(?= |$)", help_of(SPAWNCTL, "--help").split("Resources:")[0], re.M)
    return [row for row in rows if row[0] != "spawnctl"]


def flags_of_spawnctl():
    return set().union(*(flags_in(help_of(SPAWNCTL, *filter(None, row), "--help")) for row in commands()))


def check_spawnctl():
    text, words = page("spawnctl.1")
    complaints, known = [], {"--version", "--flag"}  # "--flag v" of the grammar
    rows = commands()
    for verb, resource in rows:
        command = [verb] + ([resource] if resource else [])
        known |= flags_in(help_of(SPAWNCTL, *command, "--help"))
        if " ".join(command) not in words:
            complaints.append(f"spawnctl.1 does not have '{' '.join(command)}'")
    complaints += [f"spawnctl.1 does not have {flag}" for flag in sorted(known - flags_in(text) - {"--version", "--flag", "--hold"})]  # --hold: between two spawnctl
    complaints += [f"spawnctl.1 has {flag}, which no command has" for flag in sorted(flags_in(text) - known)]
    report(complaints if len(rows) > 15 else ["the command table cannot be read"], f"spawnctl.1 and {len(rows)} commands")


def check_spawnd():
    text, _ = page("spawnd.8")
    known = set()
    for command in re.findall(r"^  ([a-z-]+)  ", help_of(SPAWND, "--help"), re.M):
        known |= flags_in(help_of(SPAWND, command, "--help"))
    known -= {"--help", "--output"}  # -o in the page
    have = flags_in(text) - {"--output", "--help"}
    report([f"spawnd.8 does not have {flag}" for flag in sorted(known - have)] +
           [f"spawnd.8 has {flag}, which spawnd does not" for flag in sorted(have - known - flags_of_spawnctl())] if len(known) > 5 else ["the commands cannot be read"],
           "spawnd.8")


def check_config():
    text, _ = page("spawnd.yaml.5")
    with open(f"{SOURCE}/daemon/config.cc", encoding="utf-8") as file:
        table = file.read()
    known = set(re.findall(r'^ {6}\{"([a-zA-Z]+)",', table, re.M))
    known |= set(re.findall(r'^  keys\.push_back\(\{"([a-zA-Z]+)", \[&ready', table, re.M))
    text = re.sub(r"^\.RS$.*?^\.RE$", "", text, flags=re.M | re.S)  # keys of a key
    have = set(re.findall(r"^\.TP\n\.B ([a-zA-Z]+)$", text, re.M)) - {"acceptMssqlEula"}  # an engine's own
    report([f"spawnd.yaml.5 does not have {key}" for key in sorted(known - have)] +
           [f"spawnd.yaml.5 has {key}, which the daemon does not read" for key in sorted(have - known)]
           if len(known) > 5 else ["the table of keys cannot be read"], "spawnd.yaml.5")


check_spawnctl()
check_spawnd()
check_config()
sys.exit(1 if failures else 0)
