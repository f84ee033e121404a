#include "daemon/http/target.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace spawnd::daemon::http {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Bytes of the UTF-8 sequence that starts with `lead`; 0 when none does.
size_t SequenceLength(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

/// Well-formed UTF-8 as the Unicode standard's table 3-7 has it: no overlong forms, no surrogates.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = SequenceLength(lead);
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<uint8_t>(text[i + k]);
      uint8_t low = 0x80;
      uint8_t high = 0xBF;
      if (k == 1 && lead == 0xE0) low = 0xA0;
      if (k == 1 && lead == 0xED) high = 0x9F;
      if (k == 1 && lead == 0xF0) low = 0x90;
      if (k == 1 && lead == 0xF4) high = 0x8F;
      if (byte < low || byte > high) return false;
    }
    i += length;
  }
  return true;
}

Result<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded.push_back(' ');
    } else if (text[i] == '%') {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Fail(ErrorCode::kInvalidArgument, "bad request target: '%' without two hex digits");
      }
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  if (decoded.find('\0') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "bad request target: it holds a NUL byte");
  }
  if (!IsUtf8(decoded)) return Fail(ErrorCode::kInvalidArgument, "bad request target: it is not UTF-8");
  return decoded;
}

/// Cuts `text` up to `separator` off its front; nothing when all of it was cut off before.
std::optional<std::string_view> NextPart(std::optional<std::string_view>& text, char separator) {
  if (!text) return std::nullopt;
  const size_t end = text->find(separator);
  const std::string_view part = text->substr(0, end);
  text = end == std::string_view::npos ? std::nullopt : std::optional(text->substr(end + 1));
  return part;
}

Result<void> ParseQuery(std::string_view query, Target& target) {
  std::optional<std::string_view> rest = query;
  while (const auto pair = NextPart(rest, '&')) {
    if (pair->empty()) continue;
    const size_t equals = pair->find('=');
    TRY_ASSIGN(std::string name, Decode(pair->substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      TRY_ASSIGN(value, Decode(pair->substr(equals + 1), true));
    }
    if (!target.query.emplace(name, std::move(value)).second) {
      return Fail(ErrorCode::kInvalidArgument, "query parameter '" + name + "' is given twice");
    }
  }
  return {};
}

}  // namespace

Result<Target> ParseTarget(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const size_t slash = target.find('/', kScheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (!target.starts_with('/')) {
    return Fail(ErrorCode::kInvalidArgument, "bad request target: it does not start with '/'");
  }
  target = target.substr(0, target.find('#'));
  const size_t question = target.find('?');

  Target parsed;
  std::optional<std::string_view> rest = target.substr(1, question - 1);
  if (!rest->empty()) {
    while (const auto segment = NextPart(rest, '/')) {
      TRY_ASSIGN(std::string decoded, Decode(*segment, false));
      parsed.path.push_back(std::move(decoded));
    }
  }
  if (question != std::string_view::npos) TRY(ParseQuery(target.substr(question + 1), parsed));
  return parsed;
}

}  // namespace spawnd::daemon::http
