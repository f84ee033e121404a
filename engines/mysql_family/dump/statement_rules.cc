#include "engines/mysql_family/dump/statement_rules.h"

#include <algorithm>
#include <optional>

namespace spawnd::engines::mysql_family {
namespace {

using What = Verdict::What;

constexpr const char* kReplication =
    "statements of replication were left out: a container replicates nothing";

/// Nothing: it is none of that. A dump that has them would have its container connect to the source.
std::optional<Verdict> JudgeReplication(const Statement& statement, bool ended) {
  const bool set = statement.Is(0, "SET");
  if (!set && !statement.IsOneOf(0, {"START", "STOP", "CHANGE", "RESET"})) return std::nullopt;
  if (statement.words.size() < 2) {
    if (ended) return std::nullopt;
    return Verdict{};
  }
  if (!set) {
    if (!statement.IsOneOf(1, {"SLAVE", "SLAVES", "REPLICA", "REPLICAS", "ALL", "GROUP_REPLICATION", "MASTER",
                               "REPLICATION", "BINARY"})) {
      return std::nullopt;
    }
    return Verdict{What::kDrop, kReplication};
  }
  if (statement.Is(1, "GLOBAL") && statement.words.size() < 3 && !ended) return Verdict{};
  std::string_view name = statement.words[1];
  if (statement.Is(1, "GLOBAL") && statement.words.size() > 2) name = statement.words[2];
  for (const char* purged : {"@@GLOBAL.GTID_PURGED", "GTID_PURGED"}) {
    if (SameWord(name, purged)) {
      return Verdict{What::kDrop, "GTID_PURGED was left out: a container replicates nothing"};
    }
  }
  for (const char* other : {"GTID_SLAVE_POS", "@@GLOBAL.GTID_SLAVE_POS", "RPL_SEMI_SYNC_MASTER_ENABLED"}) {
    if (SameWord(name, other)) return Verdict{What::kDrop, kReplication};
  }
  return std::nullopt;
}

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

std::optional<Verdict> JudgeAccount(const Statement& statement, bool ended) {
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

/// PREPARE s FROM 'SHUTDOWN', EXECUTE IMMEDIATE 'SHUTDOWN': what comes from a variable nobody sees here
/// (FamilySession::PrepareImage).
std::optional<Verdict> JudgeEndOfServer(const Statement& statement, bool ended) {
  std::string word = statement.words.empty() ? "" : statement.words.front();
  if (statement.IsOneOf(0, {"PREPARE", "EXECUTE"})) {
    const size_t at = statement.Is(0, "PREPARE") ? 3 : 2;
    if (at == 2 && statement.words.size() > 1 && !statement.Is(1, "IMMEDIATE")) return std::nullopt;
    if (at >= statement.words.size()) return ended ? std::nullopt : std::optional(Verdict{});
    const std::string& text = statement.words[at];
    if (!text.starts_with('\'') && !text.starts_with('"')) return std::nullopt;
    const size_t from = std::min(text.find_first_not_of(" \t\r\n", 1), text.size());
    word = text.substr(from, text.find_first_of(" \t\r\n;", from) - from);
  }
  if (!SameWord(word, "SHUTDOWN") && !SameWord(word, "RESTART")) return std::nullopt;
  return Verdict{What::kRefuse, "'" + word + "' ends the server"};
}

/// The sort of thing that a CREATE makes, however much stands between.
bool CreatesEvent(const Statement& statement) {
  if (!statement.Is(0, "CREATE")) return false;
  return statement.Is(1, "EVENT") || statement.Is(2, "EVENT") || statement.Is(4, "EVENT");
}

/// Servers here read no file of settings, nor the one that this writes.
std::optional<Verdict> JudgeKeptSetting(const Statement& statement) {
  if (!statement.Is(0, "SET") || !statement.IsOneOf(1, {"PERSIST", "PERSIST_ONLY"})) return std::nullopt;
  Verdict pass{What::kPass};
  pass.warning = "SET PERSIST has no effect in containers: say `settings:` of the image in its place";
  return pass;
}

}  // namespace

Verdict StatementRules::Judge(const Statement& statement, const std::string& database, bool ended) {
  if (auto verdict = JudgeEndOfServer(statement, ended)) return *verdict;
  if (auto verdict = JudgeKeptSetting(statement)) return *verdict;
  if (options_.is_script) return {What::kPass};
  std::optional<Verdict> waiting;
  const auto final_word = [&waiting](std::optional<Verdict> verdict) {
    if (verdict && verdict->what == What::kUndecided)
      waiting = std::move(verdict);
    else if (verdict)
      return verdict;
    return std::optional<Verdict>();
  };
  if (auto verdict = final_word(JudgeReplication(statement, ended))) return *verdict;
  if (options_.lacks_sha2_accounts) {
    if (auto verdict = final_word(JudgeAccount(statement, ended))) return *verdict;
  }
  switch (missing_.Judge(statement, ended)) {
    case MissingThings::Answer::kDrop:
      return {What::kDrop, "'" + missing_.LeftOut() + "' was left out, as skipExtensions says"};
    case MissingThings::Answer::kUndecided:
      waiting = Verdict{};
      break;
    case MissingThings::Answer::kPass:
      break;
  }
  switch (parts_.Judge(statement, database, ended)) {
    case Parts::Answer::kDrop:
      return {What::kDrop};
    case Parts::Answer::kUndecided:
      waiting = Verdict{};
      break;
    case Parts::Answer::kPass:
      break;
  }
  if (waiting && !ended) return *waiting;
  Verdict pass{What::kPass};
  if (options_.warns_of_events && CreatesEvent(statement)) {
    pass.warning =
        "events do not run by themselves in a container: `settings: {event_scheduler: \"ON\"}` has them run";
  }
  return pass;
}

}  // namespace spawnd::engines::mysql_family
