#include "engines/redis/rdb_header.h"

#include <cctype>

#include "engines/version.h"

namespace spawnd::engines::redis {
namespace {

constexpr char kFieldCode = '\xFA';
constexpr char kEndCode = '\xFF';
/// The first format with a checksum at its end.
constexpr int kFirstWithChecksum = 5;

std::optional<int> Number(std::string_view digits) {
  int number = 0;
  for (const char c : digits) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

/// A string whose length is one byte below 64, which all names and versions have. Empty: it is something
/// else.
std::string_view TakeShortString(std::string_view& bytes) {
  if (bytes.empty()) return {};
  const size_t size = static_cast<unsigned char>(bytes.front());
  if (size >= 64 || bytes.size() < 1 + size) return {};
  const std::string_view text = bytes.substr(1, size);
  bytes.remove_prefix(1 + size);
  return text;
}

}  // namespace

std::optional<RdbHeader> ReadRdbHeader(std::string_view first_bytes) {
  RdbHeader header;
  size_t at = 0;
  for (const std::string_view magic : {"REDIS", "VALKEY"}) {
    if (first_bytes.substr(0, magic.size()) == magic) at = magic.size();
  }
  constexpr size_t kHeaderBytes = 9;
  if (at == 0 || first_bytes.size() < kHeaderBytes) return std::nullopt;
  const auto version = Number(first_bytes.substr(at, kHeaderBytes - at));
  if (!version) return std::nullopt;
  header.version = *version;
  // The first field, when it is there, is the version of the server.
  std::string_view rest = first_bytes.substr(kHeaderBytes);
  if (rest.empty() || rest.front() != kFieldCode) return header;
  rest.remove_prefix(1);
  const std::string_view name = TakeShortString(rest);
  if (name == "redis-ver" || name == "valkey-ver") header.server_version = TakeShortString(rest);
  return header;
}

bool EndsWhole(const RdbHeader& header, std::string_view last_bytes) {
  if (header.version < kFirstWithChecksum) return true;
  return last_bytes.size() == kRdbTrailerBytes && last_bytes.front() == kEndCode;
}

int NewestRdbOf(std::string_view server_version) {
  struct Step {
    std::string_view from;
    int newest;
  };
  // RDB_VERSION in rdb.h of each release. From 8.0 on Redis and Valkey differ: the server itself is asked.
  constexpr Step kSteps[] = {{"8.0", 0}, {"7.4", 12}, {"7.2", 11}, {"7.0", 10}, {"5.0", 9}};
  for (const Step& step : kSteps) {
    if (!VersionLess(server_version, step.from)) return step.newest;
  }
  return 0;
}

}  // namespace spawnd::engines::redis
