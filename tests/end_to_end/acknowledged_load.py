#!/usr/bin/env python3
"""A light load on one container that notes what was acknowledged, and goes on after every loss of the connection.

    acknowledged_load.py HOST PORT USER PASSWORD DATABASE FILE

Each transaction moves an amount and inserts the next number, as pgbench's do; FILE gets the number only once the
commit was acknowledged. A number is tried once: one that got no answer may be there or not. Ends on SIGTERM.
"""

import os
import subprocess
import sys
import time

TRANSACTION = ("begin; update account set balance = balance + {n} where id = {n} % 1000 + 1; "
               "update account set balance = balance - {n} where id = {n} * 7 % 1000 + 1; "
               "insert into acknowledged values ({n}, repeat('x', 80)); commit; select {n};\n")
PAUSE_SECONDS = 0.004  # light: other containers and the daemon get their turn


def connect(host, port, user, password, database):
    return subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", port, "-U", user,
                             "-d", database], env=dict(os.environ, PGPASSWORD=password, PGCONNECT_TIMEOUT="5"),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def main(arguments):
    number = 0
    with open(arguments[5], "a", encoding="utf-8", buffering=1) as acknowledged:
        while True:
            try:
                with connect(*arguments[:5]) as psql:
                    while True:
                        number += 1
                        psql.stdin.write(TRANSACTION.format(n=number))
                        psql.stdin.flush()
                        if psql.stdout.readline().strip() != str(number):
                            break
                        acknowledged.write(f"{number}\n")
                        time.sleep(PAUSE_SECONDS)
            except BrokenPipeError:
                pass  # psql ended between two of them; or at the end of `with`, which writes what is left
            time.sleep(0.05)


main(sys.argv[1:])
