#!/bin/sh
# The daemon in the foreground; at SIGTERM it ends, and then the databases, tidily: the end of the container would kill them.
# Not as process 1 itself: `--init` of the container engine collects what ends.
mkdir -p /run/spawnd
spawnd serve "$@" &
daemon=$!
trap 'kill -TERM "$daemon"' TERM INT
trap 'kill -HUP "$daemon"' HUP
# A wait that a signal interrupts returns before the daemon ends.
while kill -0 "$daemon" 2>/dev/null; do wait "$daemon"; code=$?; done
spawnd stop-containers
exit "$code"
