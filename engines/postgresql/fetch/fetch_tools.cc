#include "engines/postgresql/fetch/fetch_tools.h"

#include <algorithm>
#include <array>

namespace spawnd::engines::postgresql {
namespace {

/// No version is newer for a while.
constexpr int kNewestMajor = 30;
constexpr int kOldestMajor = 10;

struct Meaning {
  std::string_view words;
  ErrorCode code;
  std::string_view hint;
};

constexpr std::string_view kWhere = "Look at `host:` under `connection:`.";
constexpr std::string_view kCertificate = "sslRootCert under `connection:` names the authority's file.";
constexpr std::string_view kFewer = "`jobs: 1` takes fewer connections.";
constexpr std::string_view kLost =
    "The connection was lost before all was here, and nothing of it is kept: look at the server, and run it "
    "again.";

/// What libpq and the tools say in the C locale, and servers in English. The first that fits counts.
constexpr std::array<Meaning, 22> kMeanings{{
    {"password authentication failed", ErrorCode::kUnauthenticated,
     "connection.passwordFile or passwordVariable says where the password is; without them ~/.pgpass "
     "counts."},
    {"no password supplied", ErrorCode::kUnauthenticated,
     "The server asks for a password: connection.passwordFile or passwordVariable says where it is, or "
     "~/.pgpass."},
    {"connection refused", ErrorCode::kUnavailable,
     "Does the server run there, and listen to that address and port (listen_addresses)?"},
    {"could not translate host name", ErrorCode::kUnavailable, kWhere},
    {"no such file or directory", ErrorCode::kUnavailable,
     "No server has its socket there; `host:` under `connection:` names the machine, or the socket's "
     "folder."},
    {"timeout expired", ErrorCode::kUnavailable,
     "Does a firewall let connections through to that host and port?"},
    {"no route to host", ErrorCode::kUnavailable, kWhere},
    {"network is unreachable", ErrorCode::kUnavailable, kWhere},
    {"no pg_hba.conf entry for replication", ErrorCode::kForbidden,
     "A physical copy needs a line `host replication ...` in the server's pg_hba.conf; `method: dump` does "
     "not."},
    {"no pg_hba.conf entry", ErrorCode::kForbidden,
     "The server's pg_hba.conf lets this machine and user not in."},
    {"replication slots are in use", ErrorCode::kTooMany,
     "A physical copy takes a slot for as long as it runs: raise max_replication_slots, or use `method: "
     "dump`."},
    {"remaining connection slots", ErrorCode::kTooMany, kFewer},
    {"too many connections", ErrorCode::kTooMany, kFewer},
    {"does not support ssl", ErrorCode::kUnavailable, "`sslMode: prefer` or `disable` under `connection:`."},
    {"certificate verify failed", ErrorCode::kUnavailable, kCertificate},
    {"root certificate file", ErrorCode::kNotFound, kCertificate},
    {"the database system is", ErrorCode::kUnavailable, "Try again later."},
    {"server closed the connection", ErrorCode::kUnavailable, kLost},
    {"terminating connection", ErrorCode::kUnavailable, kLost},
    {"connection to server was lost", ErrorCode::kUnavailable, kLost},
    {"could not receive data", ErrorCode::kUnavailable, kLost},
    {"could not read copy data", ErrorCode::kUnavailable, kLost},
}};

/// key='value' of a connection string (libpq, "Connection Strings").
void Append(std::string& info, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  info.append(info.empty() ? "" : " ").append(key).append("='");
  for (const char c : value) {
    if (c == '\'' || c == '\\') info += '\\';
    info += c;
  }
  info += '\'';
}

int MajorOf(std::string_view version) {
  return static_cast<int>(NumberIn(version));
}

}  // namespace

std::string ConnectionInfo(const FetchRequest& request, const std::string& database) {
  const SourceConnection& at = request.connection;
  std::string info;
  Append(info, "host", at.host);
  if (at.port != 0) Append(info, "port", std::to_string(at.port));
  Append(info, "user", at.user);
  Append(info, "dbname", database);
  Append(info, "sslmode", at.ssl_mode);
  Append(info, "sslrootcert", at.ssl_root_cert);
  if (request.has_password) Append(info, "passfile", kSecretFile);
  Append(info, "connect_timeout", "10");
  // A network that is gone is noticed within a minute and a half, not after two hours.
  Append(info, "keepalives_idle", "30");
  Append(info, "keepalives_interval", "10");
  Append(info, "keepalives_count", "6");
  Append(info, "application_name", "spawnd");
  return info;
}

FetchSecret PasswordFile(const FetchRequest& request) {
  if (!request.has_password) return {};
  // As in ~/.pgpass: for any server, database and user.
  return {FetchSecret::As::kFile, "*:*:*:*:", "\n", {{'\\', "\\\\"}, {':', "\\:"}}};
}

std::vector<std::string> ToolPlaces(std::string_view name, int lowest, bool exactly,
                                    const std::vector<Installation>& usable) {
  std::vector<std::string> places;
  const std::string program(name);
  const int highest = exactly ? lowest : kNewestMajor;
  for (int major = std::max(lowest, kOldestMajor); major <= highest; ++major) {
    std::vector<std::string> here;
    for (const Installation& one : usable) {
      if (MajorOf(one.version) == major) here.push_back(one.root + "/bin/" + program);
    }
    here.push_back("/usr/lib/postgresql/" + std::to_string(major) + "/bin/" + program);
    here.push_back("/usr/pgsql-" + std::to_string(major) + "/bin/" + program);
    // Without a server to match the newest is the best.
    places.insert(lowest == 0 ? places.begin() : places.end(), here.begin(), here.end());
  }
  places.push_back(program);
  return places;
}

std::vector<FetchFailure> ToolFailures(const FetchRequest& request, const std::string& database,
                                       int server_major) {
  const std::string user = request.connection.user.empty() ? "the user" : "user " + request.connection.user;
  const std::string install = "Install it: apt install " +
                              (server_major == 0 ? std::string("a newer postgresql-client")
                                                 : "postgresql-client-" + std::to_string(server_major)) +
                              ".";
  const std::string replication = "Give " + user + " the attribute REPLICATION, or use `method: dump`.";
  std::vector<FetchFailure> failures{
      {"start wal sender", ErrorCode::kForbidden, replication},
      {"must be superuser or replication role", ErrorCode::kForbidden, replication},
      {"database \"" + database + "\" does not exist", ErrorCode::kNotFound,
       "Look at `database:` under `connection:`."},
      {"server version mismatch", ErrorCode::kUnsupported, install},
      {"incompatible server version", ErrorCode::kUnsupported, install},
      {"permission denied", ErrorCode::kForbidden,
       "Give " + user + " the right to read it: `grant pg_read_all_data to ...` from PostgreSQL 14 on."}};
  for (const Meaning& one : kMeanings) {
    failures.push_back({std::string(one.words), one.code, std::string(one.hint)});
  }
  return failures;
}

}  // namespace spawnd::engines::postgresql
