#include "engines/redis/rdb_header.h"

#include <cctype>

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

/// A value of a field: a short string, or a number of one, two or four bytes, as text. Empty: something else.
std::string TakeShortValue(std::string_view& bytes) {
  if (bytes.empty()) return {};
  const auto code = static_cast<unsigned char>(bytes.front());
  constexpr unsigned char kNumbers = 0xC0;
  if (code < kNumbers) return std::string(TakeShortString(bytes));
  if (code > kNumbers + 2U) return {};
  const size_t size = size_t{1} << (code - kNumbers);
  if (bytes.size() < 1 + size) return {};
  uint64_t number = 0;
  for (size_t i = size; i > 0; --i) number = number << 8U | static_cast<unsigned char>(bytes[i]);
  bytes.remove_prefix(1 + size);
  return std::to_string(number);
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
  header.is_valkeys = first_bytes.front() == 'V';
  std::string_view rest = first_bytes.substr(kHeaderBytes);
  while (!rest.empty() && rest.front() == kFieldCode) {
    rest.remove_prefix(1);
    const std::string_view name = TakeShortString(rest);
    const std::string value = TakeShortValue(rest);
    if (name.empty() || value.empty()) break;
    if (name == "redis-ver") header.server_version = "Redis " + value;
    if (name == "valkey-ver") header.server_version = "Valkey " + value;
    if (name == "aof-base" || name == "aof-preamble") header.heads_commands = value == "1";
  }
  return header;
}

bool EndsWhole(const RdbHeader& header, std::string_view last_bytes) {
  if (header.version < kFirstWithChecksum) return true;
  return last_bytes.size() == kRdbTrailerBytes && last_bytes.front() == kEndCode;
}

}  // namespace spawnd::engines::redis
