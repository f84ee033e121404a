#include "engines/postgresql/create_database.h"

#include <locale.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "engines/postgresql/dump/sql_tokens.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr std::array<std::string_view, 13> kOptions{"OWNER",
                                                    "TEMPLATE",
                                                    "ENCODING",
                                                    "LOCALE",
                                                    "LC_COLLATE",
                                                    "LC_CTYPE",
                                                    "BUILTIN_LOCALE",
                                                    "ICU_LOCALE",
                                                    "ICU_RULES",
                                                    "LOCALE_PROVIDER",
                                                    "COLLATION_VERSION",
                                                    "TABLESPACE",
                                                    "ALLOW_CONNECTIONS"};
constexpr int kFirstWithLocale = 13;
constexpr int kFirstWithProviders = 15;
constexpr int kFirstWithIcuRules = 16;
constexpr int kFirstWithBuiltin = 17;

/// One option of the statement: which tokens it is, and which of them its value.
struct Option {
  std::string_view name;
  size_t first = 0;
  size_t value = 0;
};

bool IsUtf8(const std::string& encoding) {
  const std::string name = UpperCase(encoding);
  // 6 is its number in PostgreSQL; ours by default.
  return name.empty() || name == "UTF8" || name == "UTF-8" || name == "UNICODE" || name == "DEFAULT" ||
         name == "6";
}

bool IsFalse(const SqlToken& value) {
  const std::string text = UpperCase(value.text);
  return text == "FALSE" || text == "OFF" || text == "NO" || text == "0";
}

bool IsLocaleName(std::string_view option) {
  return option == "LOCALE" || option == "LC_COLLATE" || option == "LC_CTYPE";
}
bool IsOfProvider(std::string_view option) {
  return option == "LOCALE_PROVIDER" || option == "BUILTIN_LOCALE" || option == "ICU_LOCALE" ||
         option == "ICU_RULES";
}

/// Behind `CREATE DATABASE name`.
std::vector<Option> OptionsOf(const std::vector<SqlToken>& tokens) {
  constexpr std::string_view kLimit = "CONNECTION LIMIT";
  std::vector<Option> options;
  for (size_t i = 3; i < tokens.size(); ++i) {
    if (tokens[i].kind != SqlToken::kWord) continue;
    const bool limit =
        tokens[i].text == "CONNECTION" && i + 1 < tokens.size() && tokens[i + 1].IsWord("LIMIT");
    const auto known = std::find(kOptions.begin(), kOptions.end(), tokens[i].text);
    if (!limit && known == kOptions.end()) continue;
    // A limit of -1 has a sign in front and is no value here: it is none.
    const size_t value = ValueAfter(tokens, limit ? i + 1 : i);
    if (value == 0) continue;
    options.push_back({limit ? kLimit : *known, i, value});
    i = value;
  }
  return options;
}

/// The rewriting of one statement.
class Rewriting {
 public:
  Rewriting(std::string_view sql, const DatabaseWishes& wishes,
            const std::function<bool(const std::string&)>& exists)
      : wishes_(wishes), exists_(exists), tokens_(TokensOf(sql)), options_(OptionsOf(tokens_)), edits_(sql) {
    if (tokens_.size() > 2) {
      const SqlToken& name = tokens_[2];
      written_name_ = sql.substr(name.begin, name.end - name.begin);
      result_.database = name.kind == SqlToken::kQuotedName ? name.text : written_name_;
    }
    utf8_ = IsUtf8(wishes.encoding.empty() ? ValueOf("ENCODING") : wishes.encoding);
    result_.replacement = utf8_ && exists("C.UTF-8") ? "C.UTF-8" : "C";
  }

  RewrittenStatement Make() {
    for (const Option& option : options_) Rewrite(option);
    AddWhatIsMissing();
    for (const std::string& locale : result_.replaced) {
      result_.warnings.push_back(LocaleWarning(locale, result_));
    }
    result_.sql = edits_.Text();
    return std::move(result_);
  }

 private:
  bool Has(std::string_view name) const {
    return std::any_of(options_.begin(), options_.end(), [&](const Option& o) { return o.name == name; });
  }
  std::string ValueOf(std::string_view name) const {
    for (const Option& option : options_) {
      if (option.name == name) return tokens_[option.value].text;
    }
    return {};
  }
  bool OlderThan(int major) const { return wishes_.server_major > 0 && wishes_.server_major < major; }

  void Warn(std::string text) {
    if (std::find(result_.warnings.begin(), result_.warnings.end(), text) == result_.warnings.end())
      result_.warnings.push_back(std::move(text));
  }
  void TakeOut(const Option& option) {
    edits_.Replace(tokens_[option.first].begin, tokens_[option.value].end, "");
  }

  /// The locale in the place of one that is not here.
  std::string Existing(const std::string& locale) {
    if (exists_(locale)) return locale;
    auto& replaced = result_.replaced;
    if (std::find(replaced.begin(), replaced.end(), locale) == replaced.end()) replaced.push_back(locale);
    return result_.replacement;
  }

  void Rewrite(const Option& option) {
    const SqlToken& value = tokens_[option.value];
    if (option.name == "TABLESPACE") {
      if (value.text != "PG_DEFAULT" && value.text != "DEFAULT") Warn(kTablespaceWarning);
      TakeOut(option);
    } else if (option.name == "OWNER") {
      if (value.IsWord("DEFAULT")) return;
      // The role may not be here, and then the database has to be all the same.
      result_.afterwards = " ALTER DATABASE " + written_name_ + " OWNER TO " +
                           (value.kind == SqlToken::kWord ? value.text : QuotedName(value.text)) + ";";
      TakeOut(option);
    } else if ((option.name == "CONNECTION LIMIT" && value.text == "0") ||
               (option.name == "ALLOW_CONNECTIONS" && IsFalse(value))) {
      Warn("database '" + result_.database + "' would let nobody in; that is left out");
      TakeOut(option);
    } else if (option.name == "ENCODING" && !wishes_.encoding.empty()) {
      edits_.Replace(value.begin, value.end, QuotedText(wishes_.encoding));
    } else if (IsLocaleName(option.name)) {
      RewriteLocale(option);
    } else {
      RewriteProvider(option);
    }
  }

  void RewriteLocale(const Option& option) {
    const SqlToken& value = tokens_[option.value];
    if (value.kind == SqlToken::kWord) return;
    std::string locale = wishes_.locale.empty() ? value.text : wishes_.locale;
    if (wishes_.locale.empty() && LosesBuiltin()) {
      const std::string builtin = ValueOf("BUILTIN_LOCALE");
      locale = (builtin.empty() ? value.text : builtin) == "C" ? "C" : result_.replacement;
    }
    locale = Existing(locale);
    if (option.name == "LOCALE" && OlderThan(kFirstWithLocale)) {
      const std::string quoted = QuotedText(locale);
      edits_.Replace(tokens_[option.first].begin, value.end,
                     "LC_COLLATE = " + quoted + " LC_CTYPE = " + quoted);
    } else if (locale != value.text) {
      edits_.Replace(value.begin, value.end, QuotedText(locale));
    }
  }

  bool LosesBuiltin() const {
    return OlderThan(kFirstWithBuiltin) && UpperCase(ValueOf("LOCALE_PROVIDER")) == "BUILTIN";
  }

  void RewriteProvider(const Option& option) {
    const std::string provider = UpperCase(ValueOf("LOCALE_PROVIDER"));
    const bool of_provider = IsOfProvider(option.name) && !wishes_.locale.empty();
    const bool unknown = (OlderThan(kFirstWithProviders) &&
                          (IsOfProvider(option.name) || option.name == "COLLATION_VERSION")) ||
                         (LosesBuiltin() && IsOfProvider(option.name)) ||
                         (OlderThan(kFirstWithIcuRules) && option.name == "ICU_RULES");
    if (!of_provider && !unknown) return;
    TakeOut(option);
    if (of_provider || provider == "LIBC" || option.name == "COLLATION_VERSION") return;
    Warn("database '" + result_.database + "' sorts by the C library's locale: this server is too old for " +
         (option.name == "ICU_RULES"
              ? "ICU_RULES"
              : "LOCALE_PROVIDER = " + NameIn(SqlToken{SqlToken::kWord, 0, 0, provider})));
  }

  void AddWhatIsMissing() {
    const bool located = Has("LOCALE") || Has("LC_COLLATE") || Has("LC_CTYPE");
    std::string more;
    if (!wishes_.encoding.empty() && !Has("ENCODING")) more += " ENCODING = " + QuotedText(wishes_.encoding);
    if (!located && (!wishes_.locale.empty() || (!utf8_ && !wishes_.encoding.empty()))) {
      const std::string quoted = QuotedText(wishes_.locale.empty() ? "C" : Existing(wishes_.locale));
      more += " LC_COLLATE = " + quoted + " LC_CTYPE = " + quoted;
    }
    // Of another template only what that has can be had.
    const bool differs = located || Has("ENCODING") || Has("LOCALE_PROVIDER") || !more.empty();
    if (differs && !Has("TEMPLATE")) more += " TEMPLATE = template0";
    size_t last = tokens_.size();
    while (last > 0 && tokens_[last - 1].IsSign(';')) --last;
    if (!more.empty() && last > 2) edits_.Replace(tokens_[last - 1].end, tokens_[last - 1].end, more);
  }

  const DatabaseWishes& wishes_;
  const std::function<bool(const std::string&)>& exists_;
  const std::vector<SqlToken> tokens_;
  const std::vector<Option> options_;
  SqlEdits edits_;
  RewrittenStatement result_;
  std::string written_name_;
  bool utf8_ = true;
};

}  // namespace

bool LocaleExists(const std::string& name) {
  const locale_t found = ::newlocale(LC_COLLATE_MASK | LC_CTYPE_MASK, name.c_str(), nullptr);
  if (found == nullptr) return false;
  ::freelocale(found);
  return true;
}

RewrittenStatement RewriteCreateDatabase(std::string_view sql, const DatabaseWishes& wishes,
                                         const std::function<bool(const std::string&)>& exists) {
  return Rewriting(sql, wishes, exists).Make();
}

RewrittenStatement CreateDatabaseLike(std::string_view sql, const std::string& database,
                                      const DatabaseWishes& wishes,
                                      const std::function<bool(const std::string&)>& exists) {
  const std::vector<SqlToken> tokens = TokensOf(sql);
  std::string like;
  for (const Option& option : OptionsOf(tokens)) {
    if (option.name != "ENCODING" && !IsLocaleName(option.name) && !IsOfProvider(option.name)) continue;
    const SqlToken& value = tokens[option.value];
    like += " " + std::string(option.name) + " = " + QuotedText(NameIn(value));
  }
  if (like.empty() && wishes.locale.empty() && wishes.encoding.empty()) return {};
  return RewriteCreateDatabase(
      "CREATE DATABASE " + QuotedName(database) + " TEMPLATE = template0" + like + ";", wishes, exists);
}

std::string FindStatementFor(std::string_view text, const std::string& database) {
  constexpr std::string_view kBegin = "CREATE DATABASE ";
  for (size_t line = 0; line < text.size();) {
    const size_t next = std::min(text.size(), text.find('\n', line)) + 1;
    if (UpperCase(std::string(text.substr(line, kBegin.size()))) == kBegin) {
      const size_t end = text.find(';', line);
      if (end == std::string_view::npos) break;
      const std::string_view sql = text.substr(line, end + 1 - line);
      const std::vector<SqlToken> tokens = TokensOf(sql);
      if (tokens.size() > 2 && NameIn(tokens[2]) == database) return std::string(sql);
    }
    line = next;
  }
  return {};
}

std::string UselessWishes(const DatabaseWishes& wishes, const std::string& database) {
  const bool there_before = database.empty() || database == "postgres";
  if (!there_before || (wishes.locale.empty() && wishes.encoding.empty())) return {};
  return "`locale` and `encoding` change nothing: the backup makes no database of its own and goes into "
         "'postgres'; give it one with `initialDatabaseName`";
}

std::string LocaleWarning(const std::string& locale, const RewrittenStatement& statement) {
  return "this host has no locale '" + locale + "'; database '" + statement.database + "' gets " +
         statement.replacement + " instead";
}

}  // namespace spawnd::engines::postgresql
