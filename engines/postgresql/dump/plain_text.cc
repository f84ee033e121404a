#include "engines/postgresql/dump/plain_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace spawnd::engines::postgresql {
namespace {

constexpr std::string_view kLittle("\xff\xfe", 2);
constexpr std::string_view kBig("\xfe\xff", 2);
constexpr size_t kMaxHeadLine = 4096;

/// What tools say beside their output: pg_dump with 2>&1, kubectl, docker, ssh, shells.
constexpr std::array<std::string_view, 20> kToolWords{"pg_dump: ",
                                                      "pg_dumpall: ",
                                                      "Password:",
                                                      "Password for user ",
                                                      "Defaulted container ",
                                                      "Defaulting container name",
                                                      "Unable to use a TTY",
                                                      "If you don't see a command prompt",
                                                      "All commands and output from this session",
                                                      "Pseudo-terminal will not be allocated",
                                                      "Warning: ",
                                                      "WARNING: ",
                                                      "warning: ",
                                                      "time=\"",
                                                      "the input device is not a TTY",
                                                      "stdin: is not a tty",
                                                      "mesg: ",
                                                      "Connection to ",
                                                      "+ pg_dump",
                                                      "Script started on "};

/// No text in another encoding holds a zero byte.
bool IsAsciiPair(std::string_view bytes, size_t letter) {
  const size_t zero = 1 - letter;
  return bytes.size() >= 4 && bytes[letter] > 0 && bytes[letter + 2] > 0 && bytes[zero] == 0 &&
         bytes[zero + 2] == 0;
}

void AppendUtf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr std::array<uint32_t, 4> kFirst{0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kFirst[static_cast<size_t>(more)] | (c >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80U | ((c >> (6 * i)) & 0x3fU));
}

}  // namespace

bool BeginsUtf16(std::string_view bytes) {
  return bytes.starts_with(kLittle) || bytes.starts_with(kBig) || IsAsciiPair(bytes, 0) ||
         IsAsciiPair(bytes, 1);
}

Result<std::string> PlainText::Take(std::string_view bytes, bool last) {
  TRY_ASSIGN(std::string text, Decode(bytes, last));
  if (!in_head_) return text;
  return TakeHead(text, last);
}

Result<std::string> PlainText::Decode(std::string_view bytes, bool last) {
  if (encoding_ == Encoding::kAsItIs) return std::string(bytes);
  undecoded_ += bytes;
  if (encoding_ == Encoding::kUnknown) {
    if (undecoded_.size() < 2 * kLittle.size() && !last) return std::string();
    if (!BeginsUtf16(undecoded_)) {
      encoding_ = Encoding::kAsItIs;
      return std::exchange(undecoded_, {});
    }
    const bool marked = undecoded_.starts_with(kLittle) || undecoded_.starts_with(kBig);
    const bool little = marked ? undecoded_.starts_with(kLittle) : IsAsciiPair(undecoded_, 0);
    encoding_ = little ? Encoding::kLittleEndian : Encoding::kBigEndian;
    if (marked) undecoded_.erase(0, kLittle.size());
  }
  const auto unit = [this](size_t at) {
    const auto first = static_cast<unsigned char>(undecoded_[at]);
    const auto second = static_cast<unsigned char>(undecoded_[at + 1]);
    return encoding_ == Encoding::kLittleEndian ? uint32_t{first} | uint32_t{second} << 8U
                                                : uint32_t{second} | uint32_t{first} << 8U;
  };
  std::string out;
  size_t at = 0;
  while (at + 1 < undecoded_.size()) {
    const uint32_t c = unit(at);
    if (c >= 0xd800 && c < 0xe000) {
      if (at + 3 >= undecoded_.size()) break;
      const uint32_t low = unit(at + 2);
      if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000) {
        return Fail(ErrorCode::kInvalidArgument,
                    "'" + name_ + "' is damaged: it is text in UTF-16 with half a character",
                    "Make the backup again, with `pg_dump --file`.");
      }
      AppendUtf8(out, 0x10000U + ((c - 0xd800U) << 10U) + (low - 0xdc00U));
      at += 4;
    } else {
      AppendUtf8(out, c);
      at += 2;
    }
  }
  undecoded_.erase(0, at);
  if (last && !undecoded_.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name_ + "' is truncated: it is text in UTF-16 and ends within a character",
                "Copy or make the backup again.");
  }
  return out;
}

Result<std::string> PlainText::TakeHead(std::string_view text, bool last) {
  head_ += text;
  std::string out;
  while (true) {
    const size_t newline = head_.find('\n');
    const bool whole = newline != std::string::npos || last || head_.size() > kMaxHeadLine;
    if (!whole) return out;
    const std::string line = head_.substr(0, newline);
    ++line_;
    if (line.starts_with("pg_dump: error: ") || line.starts_with("pg_dumpall: error: ")) {
      return Fail(ErrorCode::kInvalidArgument, PlaceIn(name_, line_) + ": the dump failed: " + line,
                  "Make the backup again.");
    }
    if (!LeavesOut(line)) break;
    head_.erase(0, line.size());
    if (head_.empty()) return out;
    head_.erase(0, 1);
    out += '\n';
  }
  in_head_ = false;
  return out + std::exchange(head_, {});
}

bool PlainText::LeavesOut(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return true;
  const bool words = std::any_of(kToolWords.begin(), kToolWords.end(),
                                 [&](std::string_view begin) { return line.starts_with(begin); });
  if (words) {
    warnings_.Add("words of a tool, and no part of the dump; left out: " +
                      std::string(line.substr(0, std::min<size_t>(line.find('\r'), 200))),
                  line_);
  }
  return words;
}

}  // namespace spawnd::engines::postgresql
