#include "api/image_reference.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/random.h"

namespace spawnd::api {
namespace {

constexpr size_t kRandomLetters = 8;
constexpr size_t kMaxOwnerLength = 255;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '-' || c == '_' || c == '.' ||
         c == '/';
}

/// Of an account: directory services have 'ann@example.org', and 'EXAMPLE\ann'.
bool IsOwnerCharacter(char c) {
  return c > ' ' && c <= '~' && c != '/' && c != ':';
}

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

/// Text of a message must not grow with what a caller sends.
std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 80;
  if (text.size() <= kShown) return fmt::format("'{}'", text);
  return fmt::format("'{}...'", text.substr(0, kShown));
}

Result<void> ValidateCharacters(std::string_view text, std::string_view noun, size_t max_length) {
  if (text.empty()) return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is empty", noun));
  if (text.size() > max_length) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {} is too long: {} characters, at most {} are allowed", noun, Quoted(text),
                            text.size(), max_length));
  }
  if (!std::all_of(text.begin(), text.end(), IsNameCharacter)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {} has a character that is not allowed", noun, Quoted(text)),
                "Use letters, digits, '-', '_', '.' and '/'.");
  }
  return {};
}

/// A name, or somebody's account, '/' and a name.
Result<void> ValidateOwnedName(std::string_view text, std::string_view noun) {
  const auto whole = ValidateName(text, noun);
  const size_t slash = text.find('/');
  if (whole || slash == std::string_view::npos || slash == 0 || slash > kMaxOwnerLength) return whole;
  if (!std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(slash), IsOwnerCharacter))
    return whole;
  return ValidateName(text.substr(slash + 1), noun);
}

Result<Reference> ParseId(std::string_view text) {
  int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("id {} is too large", Quoted(text)));
  }
  return Reference{id, {}, {}};
}

}  // namespace

Result<void> ValidateName(std::string_view name, std::string_view noun) {
  const std::string what = fmt::format("{} name", noun);
  TRY(ValidateCharacters(name, what, kMaxNameLength));
  if (AllDigits(name)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {} is all digits, like an id", what, Quoted(name)),
                "Add a letter to the name.");
  }
  return {};
}

Result<void> ValidateTag(std::string_view tag) {
  return ValidateCharacters(tag, "tag", kMaxTagLength);
}

Result<void> ValidateTeam(std::string_view team) {
  const bool fits = !team.empty() && team.size() <= kMaxTeamLength;
  const auto is_allowed = [](char c) { return IsNameCharacter(c) || c == ':' || c == '@' || c == '+'; };
  if (fits && std::all_of(team.begin(), team.end(), is_allowed)) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("team name {} is not valid", Quoted(team)),
              "It has 1 to 127 letters, digits, '-', '_', '.', '/', ':', '@' and '+'.");
}

int64_t IdOf(std::string_view reference) {
  int64_t id = 0;
  const auto [end, error] = std::from_chars(reference.data(), reference.data() + reference.size(), id);
  return AllDigits(reference) && error == std::errc() ? id : 0;
}

Result<Reference> ParseImageReference(std::string_view text) {
  if (AllDigits(text)) return ParseId(text);
  const size_t colon = text.find(':');
  Reference reference;
  reference.name = text.substr(0, colon);
  TRY(ValidateOwnedName(reference.name, "data image"));
  if (colon != std::string_view::npos) {
    reference.tag = text.substr(colon + 1);
    TRY(ValidateTag(reference.tag));
  }
  return reference;
}

Result<Reference> ParseContainerReference(std::string_view text) {
  if (AllDigits(text)) return ParseId(text);
  TRY(ValidateOwnedName(text, "data container"));
  return Reference{std::nullopt, std::string(text), {}};
}

std::string GenerateContainerName(std::string_view image_name) {
  const std::string_view stem = image_name.substr(0, kMaxNameLength - kRandomLetters - 1);
  return fmt::format("{}-{}", stem, RandomText(kRandomLetters, kLowerLetters));
}

Result<uint32_t> ParseRevision(std::string_view text) {
  constexpr std::string_view kPrefix = "rev.";
  uint32_t number = 0;
  if (text.starts_with(kPrefix)) {
    const std::string_view digits = text.substr(kPrefix.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    if (whole && std::to_string(number) == digits) return number;
  }
  return Fail(
      ErrorCode::kInvalidArgument, fmt::format("'{}' is not a revision", text.substr(0, 64)),
      "Revisions are called rev.0 (the image), rev.1 and so on; 'spawnctl get data-container <name> -o "
      "json' lists them.");
}

}  // namespace spawnd::api
