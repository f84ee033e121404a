#include "engines/mysql_family/dump/collations.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/text.h"
#include "engines/version.h"

namespace spawnd::engines::mysql_family {
namespace {

/// Unicode 14's orders came with it, as utf8mb4_uca1400_*.
constexpr std::string_view kUca1400From = "10.10";
/// Unicode 9's orders came with it, as utf8mb4_*_0900_*.
constexpr std::string_view k0900From = "8.0";

/// Languages as MySQL's 0900 collations have them, and as MariaDB's do. One that is not here is sorted by the
/// common order in both, or has no order of its own in MariaDB.
constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kLanguages{
    {{"de_pb", "german2"}, {"is", "icelandic"}, {"lv", "latvian"},       {"ro", "romanian"},
     {"sl", "slovenian"},  {"pl", "polish"},    {"et", "estonian"},      {"es", "spanish"},
     {"sv", "swedish"},    {"tr", "turkish"},   {"cs", "czech"},         {"da", "danish"},
     {"lt", "lithuanian"}, {"sk", "slovak"},    {"es_trad", "spanish2"}, {"la", "roman"},
     {"eo", "esperanto"},  {"hu", "hungarian"}, {"hr", "croatian"},      {"vi", "vietnamese"},
     {"nb", "danish"},     {"nn", "danish"},    {"bs", "croatian"},      {"sr_latn", "croatian"}}};

bool Take(std::string_view& text, std::string_view start) {
  if (!text.starts_with(start)) return false;
  text.remove_prefix(start.size());
  return true;
}

std::string Without(std::string text, std::string_view part) {
  const size_t at = text.find(part);
  if (at != std::string::npos) text.erase(at, part.size());
  return text;
}

/// MySQL's "ai_ci", "as_ci", "as_cs", "as_cs_ks" as MariaDB spells it.
std::string Strength(std::string_view strength) {
  return std::string(strength.substr(0, 5));
}

}  // namespace

std::string CollationForMariadb(std::string_view name, std::string_view version) {
  const bool has_uca1400 = !VersionLess(version, kUca1400From);
  const std::string lower = LowerCase(name);
  std::string_view rest = lower;
  if (!has_uca1400 && lower.find("uca1400_") != std::string::npos) {
    const std::string charset = lower.starts_with("utf8mb3") ? "utf8mb3" : "utf8mb4";
    const bool nopad = lower.find("nopad") != std::string::npos;
    return charset + "_unicode_520_" + (nopad ? "nopad_" : "") + "ci";
  }
  if (!Take(rest, "utf8mb4_")) return {};
  const size_t at = rest.find("0900_");
  if (at == std::string_view::npos) return {};
  std::string_view language = rest.substr(0, at);
  const std::string_view strength = rest.substr(at + 5);
  if (strength == "bin") return "utf8mb4_nopad_bin";
  if (!has_uca1400) return "utf8mb4_unicode_520_nopad_ci";
  if (language.ends_with('_')) language.remove_suffix(1);
  std::string ours = "utf8mb4_uca1400_";
  for (const auto& [mysql, mariadb] : kLanguages) {
    if (mysql == language) ours += std::string(mariadb) + "_";
  }
  return ours + "nopad_" + Strength(strength);
}

std::string CollationForMysql(std::string_view name, std::string_view version) {
  const bool has_0900 = !VersionLess(version, k0900From);
  const std::string lower = LowerCase(name);
  if (lower.find("0900_") != std::string::npos && lower.starts_with("utf8mb4_")) {
    return has_0900 ? "" : lower.ends_with("_bin") ? "utf8mb4_bin" : "utf8mb4_unicode_520_ci";
  }
  const size_t uca = lower.find("uca1400_");
  if (uca != std::string::npos) {
    if (lower.starts_with("utf8mb3")) return "utf8_unicode_520_ci";
    if (!has_0900) return "utf8mb4_unicode_520_ci";
    const std::string rest = Without(lower.substr(uca + 8), "nopad_");
    const std::string strength = rest.ends_with("as_cs") || rest.ends_with("ai_cs") ? "as_cs" : "ai_ci";
    for (const auto& [mysql, mariadb] : kLanguages) {
      if (rest.starts_with(std::string(mariadb) + "_"))
        return "utf8mb4_" + std::string(mysql) + "_0900_" + strength;
    }
    return "utf8mb4_0900_" + (rest.ends_with("as_ci") ? "as_ci" : strength);
  }
  if (lower == "utf8mb4_nopad_bin") return has_0900 ? "utf8mb4_0900_bin" : "utf8mb4_bin";
  for (const char* part : {"nopad_", "mysql561_"}) {
    const std::string without = Without(lower, part);
    if (without != lower && lower.find('_') < lower.find(part)) return without;
  }
  if (lower == "utf8mb4_thai_520_w2" || lower == "utf8mb4_myanmar_ci") return "utf8mb4_unicode_520_ci";
  return {};
}

}  // namespace spawnd::engines::mysql_family
