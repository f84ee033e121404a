/// What a user says of a primary, checked and completed; and where he may keep his password.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engines/postgresql/standby/recipe.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr uint16_t kDefaultPort = 5432;
constexpr std::array<std::string_view, 4> kFileOptions{"sslrootcert", "sslcert", "sslkey", "sslcrl"};
constexpr std::array<std::string_view, 6> kOptions{"sslmode",         "channel_binding",
                                                   "connect_timeout", "ssl_min_protocol_version",
                                                   "sslnegotiation",  "require_auth"};

bool IsPlain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

/// Fields of a line of ~/.pgpass: `\:` and `\\` stand for themselves.
std::vector<std::string> Fields(std::string_view line) {
  std::vector<std::string> fields(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ':' && fields.size() < 5) {
      fields.emplace_back();
      continue;
    }
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    fields.back() += line[i];
  }
  return fields;
}

}  // namespace

Result<Primary> Recipe::Complete(Primary primary, const std::string& user_name) const {
  if (primary.host.empty()) primary.host = "localhost";
  if (primary.port == 0) primary.port = kDefaultPort;
  if (primary.user.empty()) primary.user = user_name;
  if (primary.host.front() == '/' || primary.host.front() == '@') {
    return Fail(ErrorCode::kUnsupported,
                "a standby cannot follow a server through its Unix socket '" + primary.host + "'",
                "Say an address or a name as `connection.host`: `localhost`, if the server is here.");
  }
  if (!IsPlain(primary.host) || !IsPlain(primary.user) || primary.host.find(',') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "'" + primary.host + "' is no host of one server");
  }
  for (const auto& [name, value] : primary.options) {
    const auto is = [&name = name](std::string_view known) { return name == known; };
    const bool known = std::any_of(kOptions.begin(), kOptions.end(), is) ||
                       std::any_of(kFileOptions.begin(), kFileOptions.end(), is);
    if (known && IsPlain(value)) continue;
    return Fail(ErrorCode::kInvalidArgument, "a standby's connection does not take the option '" + name + "'",
                "It takes sslmode, sslrootcert, sslcert, sslkey, sslcrl, channel_binding, connect_timeout, "
                "ssl_min_protocol_version, sslnegotiation and require_auth.");
  }
  return primary;
}

std::vector<std::string_view> Recipe::FileOptions() const {
  return {kFileOptions.begin(), kFileOptions.end()};
}

std::string Recipe::PasswordIn(std::string_view text, const Primary& primary) const {
  const std::array<std::string, 4> wanted{primary.host, std::to_string(primary.port), "replication",
                                          primary.user};
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::vector<std::string> fields = Fields(line);
    if (fields.size() != 5) continue;
    const auto fits = [&](size_t i) { return fields[i] == "*" || fields[i] == wanted[i]; };
    if (fits(0) && fits(1) && fits(2) && fits(3)) return fields[4];
  }
  return {};
}

}  // namespace spawnd::engines::postgresql
