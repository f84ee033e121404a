#include "engines/mask/mask.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace spawnd::engines {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string_view WithoutBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

int DigitOf(char c) {
  const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  const size_t at = kHexDigits.find(lower);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

/// Takes a part in quotes off the front of `rest`.
Result<MaskName> TakeQuoted(std::string_view whole, std::string_view& rest, char quote) {
  MaskName name{"", true};
  rest.remove_prefix(1);
  while (true) {
    const size_t end = rest.find(quote);
    if (end == std::string_view::npos) {
      return Fail(ErrorCode::kInvalidArgument,
                  "a quote is not closed in the name '" + std::string(whole) + "'");
    }
    name.text += rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (rest.empty() || rest.front() != quote) return name;
    name.text += quote;
    rest.remove_prefix(1);
  }
}

}  // namespace

std::string_view WordOf(MaskKind kind) {
  constexpr std::array<std::string_view, 6> kWords{"null", "constant", "hash", "partial", "shuffle", "sql"};
  return kWords.at(static_cast<size_t>(kind));
}

Result<std::vector<MaskName>> SplitMaskName(std::string_view text, char quote, size_t most) {
  const auto bad = [text](std::string_view what) {
    return Fail(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' " + std::string(what));
  };
  std::vector<MaskName> parts;
  std::string_view rest = WithoutBlanks(text);
  while (true) {
    if (!rest.empty() && rest.front() == quote) {
      TRY_ASSIGN(MaskName name, TakeQuoted(text, rest, quote));
      parts.push_back(std::move(name));
    } else {
      const size_t end = rest.find('.');
      parts.push_back({std::string(WithoutBlanks(rest.substr(0, end))), false});
      rest.remove_prefix(std::min(end, rest.size()));
    }
    if (parts.back().text.empty()) return bad("has an empty part");
    rest = WithoutBlanks(rest);
    if (rest.empty()) break;
    if (rest.front() != '.') return bad("is no name");
    rest = WithoutBlanks(rest.substr(1));
  }
  if (parts.size() > most) return bad("has too many parts");
  return parts;
}

std::string LikePattern(std::string_view pattern) {
  std::string like;
  for (const char c : pattern) {
    if (c == '*' || c == '?') {
      like += c == '*' ? '%' : '_';
      continue;
    }
    if (c == '%' || c == '_' || c == '\\') like += '\\';
    like += c;
  }
  return like;
}

Result<std::vector<std::string>> HexFields(std::string_view row, size_t count) {
  std::vector<std::string> fields(1);
  for (size_t at = 0; at < row.size();) {
    if (row[at] == ' ') {
      fields.emplace_back();
      ++at;
      continue;
    }
    const int high = DigitOf(row[at]);
    const int low = at + 1 < row.size() ? DigitOf(row[at + 1]) : -1;
    if (high < 0 || low < 0) return Fail(ErrorCode::kInternal, "the server answers something else");
    fields.back() += static_cast<char>(high * 16 + low);
    at += 2;
  }
  if (fields.size() < count) return Fail(ErrorCode::kInternal, "the server answers too little");
  return fields;
}

Result<std::string> NewMaskKey() {
  std::array<unsigned char, 32> bytes{};
  ssize_t got = 0;
  do {
    got = ::getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) return FailErrno(errno, "cannot make a key for hashes");
  std::string key;
  for (const unsigned char byte : bytes) key.append({kHexDigits[byte >> 4U], kHexDigits[byte & 15U]});
  return key;
}

Error MaskError(const std::string& name, const Error& error) {
  Error of_rule = error.Wrap(name);
  const bool of_server = error.code == ErrorCode::kInternal || error.code == ErrorCode::kNotFound ||
                         error.code == ErrorCode::kAlreadyExists || error.code == ErrorCode::kUnsupported;
  if (of_server) of_rule.code = ErrorCode::kInvalidArgument;
  return of_rule;
}

}  // namespace spawnd::engines
