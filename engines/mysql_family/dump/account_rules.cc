#include "engines/mysql_family/dump/account_rules.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace spawnd::engines::mysql_family {
namespace {

using What = Verdict::What;

/// "'name' @ 'host'" at this word, as it is written; empty when it is no such thing.
std::string AccountAt(const Statement& statement, size_t word) {
  const auto quoted = [](const std::string& text) { return text.starts_with('\'') || text.starts_with('`'); };
  if (word >= statement.words.size() || !quoted(statement.words[word])) return {};
  const auto closed = [](const std::string& text) {
    std::string whole(1, text.front());
    for (size_t i = 1; i < text.size(); ++i) {
      whole += text[i];
      if (text[i] == '\\' && text.front() == '\'' && i + 1 < text.size())
        whole += text[++i];
      else if (text[i] == text.front())
        whole += text[i];
    }
    return whole + text.front();
  };
  std::string account = closed(statement.words[word]);
  if (statement.Is(word + 1, "@") && word + 2 < statement.words.size() && quoted(statement.words[word + 2])) {
    account += "@" + closed(statement.words[word + 2]);
  }
  return account;
}

/// The word behind CREATE OR REPLACE, DROP and the like.
size_t KindOf(const Statement& statement) {
  return statement.Is(1, "OR") ? 3 : 1;
}

bool IsOfAccounts(const Statement& statement) {
  return statement.IsOneOf(0, {"CREATE", "DROP"}) && statement.IsOneOf(KindOf(statement), {"USER", "ROLE"});
}

struct PlainAccount {
  std::string text;   ///< root@localhost, without quotes
  size_t behind = 0;  ///< the word after it
};

PlainAccount PlainAt(const Statement& statement, size_t word) {
  const auto plain = [&statement](size_t at) {
    const std::string& text = statement.words[at];
    return std::string_view("`'\"").find(text.front()) == std::string_view::npos ? text : text.substr(1);
  };
  PlainAccount account{{}, word};
  if (word >= statement.words.size()) return account;
  account.text = plain(account.behind++);
  if (account.behind < statement.words.size() && statement.words[account.behind].starts_with('@'))
    account.text += statement.words[account.behind++];
  if (account.text.ends_with('@') && account.behind < statement.words.size())
    account.text += plain(account.behind++);
  return account;
}

bool IsOwn(const std::string& account) {
  constexpr std::array<std::string_view, 6> kOwn{"root@localhost",          "root@%",
                                                 "mariadb.sys@localhost",   "mysql.sys@localhost",
                                                 "mysql.session@localhost", "mysql.infoschema@localhost"};
  return std::find(kOwn.begin(), kOwn.end(), account) != kOwn.end();
}

/// Nobody who logs in by TCP may pass that on.
std::optional<Verdict> JudgeProxy(const Statement& statement, bool ended) {
  if (statement.words.size() > 1 && !statement.Is(1, "PROXY")) return std::nullopt;
  if (!ended) return Verdict{};
  const std::string account = PlainAt(statement, statement.Find("TO") + 1).text;
  if (!statement.Is(1, "PROXY") || !account.starts_with("root@")) return std::nullopt;
  return Verdict{What::kDrop,
                 "GRANT PROXY to '" + account + "' was left out: every container has its own root"};
}

}  // namespace

bool ChangesAccounts(const Statement& statement) {
  if (statement.IsOneOf(0, {"GRANT", "REVOKE"})) return true;
  if (statement.Is(0, "SET")) return statement.Is(1, "PASSWORD");
  return IsOfAccounts(statement) || (statement.IsOneOf(0, {"ALTER", "RENAME"}) && statement.Is(1, "USER"));
}

std::string_view AccountCondition(const Statement& statement) {
  if (!IsOfAccounts(statement) || statement.Is(1, "OR") || statement.Is(2, "IF")) return {};
  return statement.Is(0, "CREATE") ? " IF NOT EXISTS" : " IF EXISTS";
}

std::optional<Verdict> JudgeOwnAccount(const Statement& statement, bool ended) {
  if (statement.Is(0, "GRANT")) return JudgeProxy(statement, ended);
  if (!statement.IsOneOf(0, {"CREATE", "DROP"})) return std::nullopt;
  const size_t kind = KindOf(statement);
  if (statement.words.size() <= kind && !ended) return Verdict{};
  if (!IsOfAccounts(statement)) return std::nullopt;
  // The longest: OR REPLACE USER IF NOT EXISTS, and three words of an account.
  constexpr size_t kEnough = 12;
  if (!ended && statement.words.size() < kEnough) return Verdict{};
  size_t at = kind + 1;
  while (statement.IsOneOf(at, {"IF", "NOT", "EXISTS"})) ++at;
  const PlainAccount account = PlainAt(statement, at);
  if (!IsOwn(account.text)) return std::nullopt;
  // A list of several may have others behind it: it passes, and what it changes is put right at the end.
  const bool drops = statement.Is(0, "DROP") && account.behind == statement.words.size();
  // Nor has every server each way of logging in.
  const bool makes =
      statement.Is(0, "CREATE") && (statement.Is(1, "OR") || statement.Find("WITH") < statement.words.size());
  return Verdict{drops || makes ? What::kDrop : What::kPass,
                 "account '" + account.text + "' of the dump was passed over: every container has its own"};
}

std::optional<Verdict> JudgeSha2Account(const Statement& statement, bool ended) {
  if (!statement.IsOneOf(0, {"CREATE", "ALTER"})) return std::nullopt;
  if (statement.words.size() < 2 && !ended) return Verdict{};
  if (!statement.Is(1, "USER")) return std::nullopt;
  for (const char* plugin : {"'CACHING_SHA2_PASSWORD", "'SHA256_PASSWORD", "`CACHING_SHA2_PASSWORD",
                             "`SHA256_PASSWORD", "CACHING_SHA2_PASSWORD", "SHA256_PASSWORD"}) {
    const size_t at = statement.Find(plugin);
    if (at == statement.words.size() || !statement.Is(at - 1, "WITH")) continue;
    const std::string account =
        AccountAt(statement, statement.Is(2, "IF") ? statement.Find("EXISTS") + 1 : 2);
    std::string instead;
    if (!account.empty()) instead = "CREATE USER IF NOT EXISTS " + account + " ACCOUNT LOCK";
    return Verdict{What::kDrop,
                   "account " + account +
                       " was made without its password, and is locked: this server does not "
                       "know caching_sha2_password",
                   instead};
  }
  if (ended) return std::nullopt;
  return Verdict{};
}

}  // namespace spawnd::engines::mysql_family
