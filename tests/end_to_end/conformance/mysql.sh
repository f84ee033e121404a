# MySQL for conformance_test.sh: as MariaDB, with MySQL's own client programs.
# shellcheck shell=bash disable=SC2034,SC1091
source "$(dirname "${BASH_SOURCE[0]}")/mariadb.sh"
client=mysql dumper=mysqldump
# MySQL's own where set-up brought them: what is in the PATH is usually MariaDB's.
[[ ! -x $repo/.deps/unpacked/mysql/bin/mysql ]] || PATH=$repo/.deps/unpacked/mysql/bin:$PATH
