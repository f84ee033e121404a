# MySQL for conformance_test.sh: as MariaDB, with MySQL's own client programs.
# shellcheck shell=bash disable=SC2034,SC1091
source "$(dirname "${BASH_SOURCE[0]}")/mariadb.sh"
client=mysql
