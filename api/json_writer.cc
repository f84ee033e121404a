#include "api/json_writer.h"

#include <cmath>

#include "api/timestamp.h"

namespace spawnd::api {
namespace {

struct LeadByte {
  size_t length;  ///< 0: not the first byte of a character
  unsigned char second_min;
  unsigned char second_max;
};

/// Well-formed byte sequences, Unicode 15.0 table 3-7: the second byte's range keeps out overlong forms,
/// surrogates and anything above U+10FFFF.
LeadByte Classify(unsigned char byte) {
  if (byte >= 0x01 && byte <= 0x7f) return {1, 0, 0};
  if (byte >= 0xc2 && byte <= 0xdf) return {2, 0x80, 0xbf};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x80, 0x9f};
  if (byte >= 0xe1 && byte <= 0xef) return {3, 0x80, 0xbf};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte >= 0xf1 && byte <= 0xf3) return {4, 0x80, 0xbf};
  if (byte == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

/// Length of the valid character at the front of `text`, 0 when there is none.
size_t CharacterLength(std::string_view text) {
  const LeadByte lead = Classify(static_cast<unsigned char>(text[0]));
  if (lead.length > text.size()) return 0;
  for (size_t i = 1; i < lead.length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const unsigned char low = i == 1 ? lead.second_min : 0x80;
    const unsigned char high = i == 1 ? lead.second_max : 0xbf;
    if (byte < low || byte > high) return 0;
  }
  return lead.length;
}

}  // namespace

std::string SafeUtf8(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    safe += length > 0 ? text.substr(0, length) : std::string_view("\xef\xbf\xbd");
    text.remove_prefix(length > 0 ? length : 1);
  }
  return safe;
}

void WriteText(Writer& writer, std::string_view text) {
  const std::string safe = SafeUtf8(text);
  writer.String(safe.data(), static_cast<rapidjson::SizeType>(safe.size()));
}

bool ObjectWriter::Key(std::string_view name, bool empty) {
  if (empty && empties_ == Empties::kOmit) return false;
  writer_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  return true;
}

void ObjectWriter::Field(std::string_view name, const std::vector<std::string>& values) {
  if (!Key(name, values.empty())) return;
  writer_.StartArray();
  for (const std::string& value : values) WriteText(writer_, value);
  writer_.EndArray();
}

void ObjectWriter::Field(std::string_view name, double value) {
  if (!Key(name, value == 0)) return;
  // Three decimals, because a timer's digits beyond the microsecond are noise. Above this there are none to
  // lose.
  constexpr double kNoDecimals = 1e12;
  if (std::abs(value) < kNoDecimals) value = std::round(value * 1000) / 1000;
  writer_.Double(std::isfinite(value) ? value : 0);  // JSON has no infinity
}

void ObjectWriter::Time(std::string_view name, int64_t seconds) {
  if (!Key(name, seconds == 0)) return;
  if (seconds == 0) {
    writer_.Null();
  } else {
    WriteText(writer_, FormatTimestamp(seconds));
  }
}

}  // namespace spawnd::api
