#include "base/escape_controls.h"

#include <array>
#include <cstdint>

#include "base/random.h"

namespace spawnd {
namespace {

/// Bytes of the character that begins here, as its first byte says; 1 for what begins none.
size_t LengthOf(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
  if (length > text.size()) return 1;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<uint8_t>(text[i]) & 0xc0U) != 0x80) return 1;
  }
  return length;
}

/// U+0080 to U+009F in UTF-8: terminals take U+009B for ESC [.
bool IsC1(std::string_view character) {
  return character.size() == 2 && character[0] == '\xc2' && static_cast<uint8_t>(character[1]) < 0xa0;
}

void Escape(uint8_t byte, std::string& out) {
  if (byte == '\n') {
    out += "\\n";
  } else if (byte == '\r') {
    out += "\\r";
  } else if (byte == '\t') {
    out += "\\t";
  } else {
    out += "\\x";
    out += kHexDigits[byte >> 4U];
    out += kHexDigits[byte & 0xfU];
  }
}

}  // namespace

std::string EscapeControls(std::string_view text, std::string_view kept) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const std::string_view character = text.substr(0, LengthOf(text));
    text.remove_prefix(character.size());
    const auto byte = static_cast<uint8_t>(character[0]);
    const bool control = character.size() == 1 && (byte < 0x20 || byte >= 0x7f);
    if (IsC1(character)) {
      Escape(static_cast<uint8_t>(character[1]), escaped);
    } else if (control && kept.find(character[0]) == std::string_view::npos) {
      Escape(byte, escaped);
    } else {
      escaped += character;
    }
  }
  return escaped;
}

}  // namespace spawnd
