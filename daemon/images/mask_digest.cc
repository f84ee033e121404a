#include "daemon/images/mask_digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "api/mask.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::string_view kDigits = "0123456789abcdef";
constexpr size_t kDigestDigits = 64;

engines::MaskKind KindOf(api::MaskKind kind) {
  switch (kind) {
    case api::MaskKind::kConstant:
      return engines::MaskKind::kConstant;
    case api::MaskKind::kHash:
      return engines::MaskKind::kHash;
    case api::MaskKind::kPartial:
      return engines::MaskKind::kPartial;
    case api::MaskKind::kShuffle:
      return engines::MaskKind::kShuffle;
    case api::MaskKind::kSql:
      return engines::MaskKind::kSql;
    case api::MaskKind::kNull:
    case api::MaskKind::kNone:
      break;
  }
  return engines::MaskKind::kNull;
}

/// What stands in the middle of a partial value when nothing is said.
constexpr const char* kDefaultWith = "****";

}  // namespace

Result<std::string> MaskDigest(const std::vector<api::MaskRule>& rules) {
  if (rules.empty()) return std::string();
  const std::string text = api::CanonicalMask(rules);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
    return Fail(ErrorCode::kInternal, "cannot compute the digest of the mask rules");
  }
  std::string words(kPrefix);
  for (unsigned i = 0; i < length; ++i) {
    words.append({kDigits[digest.at(i) >> 4U], kDigits[digest.at(i) & 15U]});
  }
  return words;
}

bool IsMaskDigest(std::string_view text) {
  return text.starts_with(kPrefix) && text.size() == kPrefix.size() + kDigestDigits &&
         text.find_first_not_of(kDigits, kPrefix.size()) == std::string_view::npos;
}

std::vector<engines::MaskRule> MaskOf(const std::vector<api::MaskRule>& rules) {
  std::vector<engines::MaskRule> all;
  for (const api::MaskRule& rule : rules) {
    all.push_back({rule.database, rule.table, rule.column, KindOf(rule.rule), rule.value.value_or(""),
                   rule.keep_first, rule.keep_last, rule.with.value_or(kDefaultWith), rule.expression,
                   rule.where, api::NameOfMaskRule(rule)});
  }
  return all;
}

std::vector<std::string> MaskedInWords(const std::vector<api::MaskRule>& rules,
                                       const std::vector<int64_t>& rows) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < std::min(rules.size(), rows.size()); ++i) {
    lines.push_back("masked " + std::to_string(rows[i]) + (rows[i] == 1 ? " row: " : " rows: ") +
                    (rules[i].database.empty() ? "" : rules[i].database + "/") + rules[i].table + "." +
                    rules[i].column + " (" + std::string(engines::WordOf(KindOf(rules[i].rule))) + ")");
  }
  return lines;
}

}  // namespace spawnd::daemon
