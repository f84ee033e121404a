/// What a PostgreSQL role has that is no superuser and owns all there is, and how a cluster that a superuser
/// filled becomes such a role's. Texts of SQL only; constants and pure functions.
///
/// Each query answers with statements, one a row, at most 1000, that are to be run one after the other; when
/// it has no answer any more, all is done. README.md says what each is for.
#pragma once

#include <string>
#include <string_view>

namespace spawnd::engines::postgresql {

/// ALTER ROLE's words. BYPASSRLS: the rows are its own, and pg_dump wants to see all of them.
inline constexpr std::string_view kOwnerAttributes =
    "LOGIN NOSUPERUSER CREATEDB CREATEROLE NOREPLICATION BYPASSRLS INHERIT";

/// For one database, in a session with it: what is in it goes to `owner`, except what a superuser alone may
/// have. `owner`: the name of a role as an SQL literal. `major`: of the server.
std::string DatabaseHandover(const std::string& owner, int major);

/// For what databases share: databases, roles, tablespaces, the predefined roles that reach files. After
/// every database has had its own.
std::string ClusterHandover(const std::string& owner, int major);

}  // namespace spawnd::engines::postgresql
