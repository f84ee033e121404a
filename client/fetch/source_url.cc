#include "client/fetch/source_url.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include "base/text.h"

namespace spawnd::client {
namespace {

tl::unexpected<Error> Bad(const std::string& problem) {
  return Fail(ErrorCode::kInvalidArgument, "the URL of the server " + problem,
              "It is as scheme://user@host:port/database; characters with a meaning of their own are written "
              "as %3A.");
}

int Digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Result<std::string> Decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? Digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? Digit(text[i + 2]) : -1;
    const int value = high * 16 + low;
    if (high < 0 || low < 0 || value == 0) return Bad("has a % that no two digits follow");
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

/// Takes what stands before `mark` out of `text`; all of it, and leaves nothing, when it is not there.
std::string_view TakeUntil(std::string_view& text, char mark) {
  const size_t end = std::min(text.find(mark), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

Result<void> ReadParameter(const std::string& name, std::string value, SourceUrl& url) {
  api::SourceConnection& to = url.connection;
  if (name == "user" || name == "username") {
    to.user = std::move(value);
  } else if (name == "password") {
    url.password = std::move(value);
  } else if (name == "host" || name == "socket") {
    to.host = std::move(value);
  } else if (name == "port") {
    TRY_ASSIGN(to.port, ParseSourcePort(value));
  } else if (name == "dbname" || name == "database") {
    to.database = std::move(value);
  } else if (name == "sslmode" || name == "ssl-mode") {
    TRY_ASSIGN(to.ssl_mode, ParseSslMode(value));
  } else if (name == "sslrootcert" || name == "ssl-ca") {
    to.ssl_root_cert = std::move(value);
  } else {
    return Bad(fmt::format("has a parameter '{}', which spawnctl does not know", name.substr(0, 40)));
  }
  return {};
}

Result<void> ReadParameters(std::string_view text, SourceUrl& url) {
  while (!text.empty()) {
    std::string_view value = TakeUntil(text, '&');
    const std::string_view name = TakeUntil(value, '=');
    TRY_ASSIGN(std::string decoded, Decoded(value));
    TRY(ReadParameter(LowerCase(name), std::move(decoded), url));
  }
  return {};
}

/// "host", "host:port", "[::1]:port"
Result<void> ReadHost(std::string_view text, api::SourceConnection& to) {
  std::string_view host = text;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return Bad("has a [ without a ]");
    host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return Bad("has something between ] and the port");
  } else {
    host = text.substr(0, text.find(':'));
    text.remove_prefix(host.size());
  }
  if (host.find(',') != std::string_view::npos) return Bad("names several hosts: name one");
  TRY_ASSIGN(to.host, Decoded(host));
  if (text.size() > 1) {
    TRY_ASSIGN(to.port, ParseSourcePort(text.substr(1)));
  }
  return {};
}

}  // namespace

Result<SourceUrl> ParseSourceUrl(std::string_view url) {
  SourceUrl read;
  if (StartsInAnyCase(url, "jdbc:")) url.remove_prefix(5);
  const size_t colon = url.find("://");
  if (colon == std::string_view::npos || colon == 0) return Bad("has no scheme://");
  read.connection.scheme = LowerCase(url.substr(0, colon));
  url.remove_prefix(colon + 3);
  // "mysql+pymysql" and its like name the library, too.
  read.connection.scheme = read.connection.scheme.substr(0, read.connection.scheme.find('+'));
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (!std::all_of(read.connection.scheme.begin(), read.connection.scheme.end(), is_letter)) {
    return Bad("has a scheme with more than letters in it");
  }
  url = url.substr(0, url.find('#'));
  std::string_view place = TakeUntil(url, '?');
  const std::string_view parameters = url;
  const size_t slash = std::min(place.find('/'), place.size());
  std::string_view authority = place.substr(0, slash);
  TRY_ASSIGN(read.connection.database, Decoded(place.substr(std::min(slash + 1, place.size()))));
  // The last one: a password may have one that was not written as %40.
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    std::string_view user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    TRY_ASSIGN(read.connection.user, Decoded(TakeUntil(user, ':')));
    TRY_ASSIGN(read.password, Decoded(user));
  }
  TRY(ReadHost(authority, read.connection));
  TRY(ReadParameters(parameters, read));
  return read;
}

Result<std::string> ParseSslMode(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kModes{{
      {"disable", "disable"},
      {"disabled", "disable"},
      {"allow", "prefer"},
      {"prefer", "prefer"},
      {"preferred", "prefer"},
      {"require", "require"},
      {"required", "require"},
      {"verify-ca", "verify-ca"},
      {"verify_ca", "verify-ca"},
      {"verify-full", "verify-full"},
      {"verify_full", "verify-full"},
      {"verify_identity", "verify-full"},
      {"verify-identity", "verify-full"},
  }};
  const std::string lower = LowerCase(text);
  for (const auto& [word, mode] : kModes) {
    if (word == lower) return std::string(mode);
  }
  return Fail(ErrorCode::kInvalidArgument, fmt::format("unknown sslMode '{}'", text.substr(0, 40)),
              "It is one of disable, prefer, require, verify-ca, verify-full.");
}

Result<uint16_t> ParseSourcePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error == std::errc() && end == text.data() + text.size() && port != 0) return port;
  // Not repeated: behind a colon may stand half of a password.
  return Fail(ErrorCode::kInvalidArgument, "the port of the server is no number from 1 to 65535");
}

}  // namespace spawnd::client
