#!/usr/bin/env bash
# The running daemon against docs/openapi.yaml: see openapi_conformance.py.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

write_config
start_daemon
make_items_image base
# Debian's Python: it has the packages that packaging/dependencies names.
/usr/bin/python3 "$repo/tests/end_to_end/openapi_conformance.py" "$socket" "$repo/docs/openapi.yaml" \
  "$repo/daemon/handlers/routes.cc" "$work/files" || exit 1
