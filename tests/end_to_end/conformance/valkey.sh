# Valkey for conformance_test.sh: as Redis, in whose words its clients and scripts are.
# shellcheck shell=bash disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/redis.sh"
