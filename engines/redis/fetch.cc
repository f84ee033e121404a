/// From a running server: the product's client asks what it is, then takes a snapshot as a replica would.
#include <algorithm>
#include <string>

#include "engines/fetch/plan.h"
#include "engines/redis/redis_engine.h"
#include "engines/version.h"

namespace spawnd::engines::redis {
namespace {

constexpr int64_t kAskSeconds = 30;

/// On standard input, so that it is on no command line and in no environment.
FetchSecret Password(const FetchRequest& request) {
  if (!request.has_password) return {};
  return {FetchSecret::As::kInput, "", "\n", {}};
}

std::vector<FetchFailure> Failures() {
  const std::string lost =
      "The connection was lost before all was here, and nothing of it is kept: look at the server, "
      "and run it again.";
  const std::string where = "connection.passwordFile or passwordVariable says where the password is.";
  return {
      {"connection refused", ErrorCode::kUnavailable,
       "Does the server run there, and listen to that address and port (bind)?"},
      {"noperm", ErrorCode::kForbidden,
       "A snapshot needs the rights of a replica: `acl setuser ... +psync +sync +replconf +info`."},
      {"wrongpass", ErrorCode::kUnauthenticated, where},
      {"noauth", ErrorCode::kUnauthenticated, where},
      {"could not connect", ErrorCode::kUnavailable, "Look at `host:` and `port:` under `connection:`."},
      {"certificate", ErrorCode::kUnavailable, "sslRootCert under `connection:` names the authority's file."},
      {"ssl", ErrorCode::kUnavailable, "Look at `sslMode:` under `connection:`."},
      {"max number of clients", ErrorCode::kTooMany, "Try again later."},
      {"loading", ErrorCode::kUnavailable, "The server is still loading its data: try again later."},
      {"connection reset", ErrorCode::kUnavailable, lost},
      {"server closed the connection", ErrorCode::kUnavailable, lost},
      {"error reading", ErrorCode::kUnavailable, lost},
      {"i/o error", ErrorCode::kUnavailable, lost},
  };
}

FetchCommand Client(const FetchRequest& request, const Product& product,
                    const std::vector<Installation>& usable) {
  const SourceConnection& at = request.connection;
  FetchCommand client;
  client.failures = Failures();
  client.install_hint = product.client_hint;
  client.secret = Password(request);
  for (const std::string_view name : product.clients) {
    for (const Installation& one : usable) client.programs.push_back(one.root + "/bin/" + std::string(name));
    client.programs.emplace_back(name);
  }
  auto& arguments = client.arguments;
  const auto add = [&arguments](const char* option, const std::string& value) {
    if (value.empty()) return;
    arguments.emplace_back(option);
    arguments.push_back(value);
  };
  add(at.host.starts_with('/') ? "-s" : "-h", at.host);
  add("-p", at.port == 0 ? "" : std::to_string(at.port));
  if (request.has_password) {
    // A user of the first access lists is called default, and asking for that one fails before there were
    // any.
    add("--user", at.user == "default" ? "" : at.user);
    arguments.emplace_back("--askpass");
  }
  const bool tls = at.scheme.ends_with("ss") ||
                   (!at.ssl_mode.empty() && at.ssl_mode != "disable" && at.ssl_mode != "prefer");
  if (tls) {
    arguments.emplace_back("--tls");
    add("--cacert", at.ssl_root_cert);
    // Without an authority's file "require" is what it is elsewhere: encrypted, whoever it is.
    if (at.ssl_root_cert.empty() && (at.ssl_mode.empty() || at.ssl_mode == "require"))
      arguments.emplace_back("--insecure");
  }
  return client;
}

/// "7.0.15" of the lines of INFO.
Result<std::string> VersionIn(const std::string& answer, const std::string& place, const Product& product) {
  const auto own = AnswersTo(std::string(product.short_name) + "_version:", answer);
  const auto other = AnswersTo("redis_version:", answer);
  if (!own.empty()) return own.front();
  if (!other.empty()) return other.front();
  const std::string says = answer.substr(0, std::min<size_t>(answer.find('\n'), 200));
  const bool auth = says.starts_with("NOAUTH") || says.starts_with("WRONGPASS");
  const bool forbidden = says.starts_with("NOPERM");
  return Fail(
      auth        ? ErrorCode::kUnauthenticated
      : forbidden ? ErrorCode::kForbidden
                  : ErrorCode::kIo,
      "asking " + place + " what it is: " + (says.empty() ? "it said nothing" : says),
      auth ? "connection.passwordFile or passwordVariable says where the password is."
      : forbidden
          ? "A snapshot needs the rights of a replica: `acl setuser ... +psync +sync +replconf +info`."
          : "");
}

/// A snapshot is for servers of the same version and later ones.
Result<void> CheckVersion(const FetchRequest& request, const RedisEngine& engine, const std::string& place,
                          const std::string& version, const std::vector<Installation>& usable) {
  const std::string major = engine.MajorVersion(version);
  const bool fits = std::any_of(usable.begin(), usable.end(), [&](const Installation& one) {
    return !VersionLess(one.version, major) &&
           (request.version.empty() || engine.Satisfies(one.version, request.version));
  });
  if (fits) return {};
  const std::string product(engine.DisplayName());
  return Fail(ErrorCode::kUnsupported,
              "the server at " + place + " is " + product + " " + version +
                  ", whose snapshots no older one reads (installed: " + VersionsIn(usable) +
                  (request.version.empty() ? ")" : "; `version: " + request.version + "` is asked for)"),
              std::string(engine.InstallHint()));
}

}  // namespace

Result<FetchPlan> RedisEngine::PlanFetch(const FetchRequest& request,
                                         const std::vector<Installation>& installed) const {
  TRY(CheckScheme(request.connection, {product_.short_name, "redis", "rediss", "valkey", "valkeys"},
                  DisplayName()));
  if (request.physical) {
    return Fail(ErrorCode::kUnsupported,
                std::string(DisplayName()) + " gives its data in one way, a snapshot",
                "Leave `method:` out.");
  }
  if (!request.has_password && !request.connection.user.empty() && request.connection.user != "default") {
    return Fail(ErrorCode::kInvalidArgument, "user '" + request.connection.user + "' needs a password",
                "connection.passwordFile or passwordVariable says where it is.");
  }
  const std::string place = PlaceOf(request.connection, DefaultPort());
  const std::vector<Installation> usable = UsableOf(Name(), installed);
  FetchPlan plan;
  FetchCommand client = Client(request, product_, usable);
  if (request.answers.empty()) {
    client.title = "asking " + place + " what it is";
    client.arguments.emplace_back("INFO");
    client.output = FetchCommand::Output::kAnswer;
    client.deadline_seconds = kAskSeconds;
    plan.commands.push_back(std::move(client));
    return plan;
  }
  const std::string& answer = request.answers.front();
  TRY_ASSIGN(const std::string version, VersionIn(answer, place, product_));
  TRY(CheckVersion(request, *this, place, version, usable));
  if (!AnswersTo("cluster_enabled:1", answer).empty()) {
    plan.warnings.push_back("the server at " + place +
                            " is one of a cluster: the image gets what this one holds");
  }
  plan.backup_name = "snapshot of " + place;
  client.title = "taking a " + plan.backup_name;
  // Its output by a name: to `-` the mark that ends a snapshot from memory would be written, too.
  client.arguments.insert(client.arguments.end(), {"--rdb", "/proc/self/fd/1"});
  client.output = FetchCommand::Output::kBackup;
  plan.commands.push_back(std::move(client));
  plan.complete = true;
  return plan;
}

}  // namespace spawnd::engines::redis
