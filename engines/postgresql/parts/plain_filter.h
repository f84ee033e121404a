/// What of a plain SQL dump is left out before anything else looks at it: extensions that are to be skipped,
/// and the rows of tables. And what extensions it wants. Lines stay where they are, so that messages name the
/// right ones. Memory is bounded whatever the size of the dump. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engines/postgresql/parts/extensions.h"
#include "engines/postgresql/parts/family.h"
#include "engines/postgresql/parts/skipped.h"
#include "engines/postgresql/parts/words.h"
#include "engines/postgresql/restore/sql_scanner.h"
#include "engines/restore.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

class PlainFilter final : private SqlScanner {
 public:
  /// `name`: of the dump, for messages. `options`: skip_extensions, exclude_data and schema_only count.
  PlainFilter(const std::string& name, const RestoreOptions& options);

  /// The next bytes, less what is left out. `last`: no more come; kInvalidArgument then for a table that
  /// exclude_data names and the dump has not, with those that it has; what SqlScanner says of a cut text. And
  /// what TableFamily says.
  Result<std::string> Filter(std::string_view bytes, bool last);

  std::vector<std::string> Warnings() const { return warnings_.InOrder(); }
  /// Those that it has come by so far, at most a thousand.
  const std::vector<WantedExtension>& Wanted() const { return wanted_; }
  /// Statements that make databases, each begun on a line of its own, at most 64 KiB of them.
  const std::string& Databases() const { return databases_; }

 private:
  enum class Mode {
    kPass,
    kHold,      ///< a statement, until enough of it is there to judge it by
    kDrop,      ///< to the end of the statement
    kDropRows,  ///< to the end mark of COPY's data
  };

  void Pass(std::string_view run) override;
  void OnStatementBegins(char first) override;
  void OnWord(std::string_view /*word*/, size_t /*number*/) override {}
  void OnStatementEnds() override;
  void OnLineComment(std::string_view /*text*/) override {}
  Result<std::string> OnPsqlCommand(std::string_view command, bool cut) override;

  void Release();
  /// Passes on the line breaks alone.
  void LeaveOut(std::string_view run);
  void LeaveOutRows(std::string_view run);
  void Judge();
  bool LeavesOut(const std::vector<std::string>& words);
  bool LeavesOutExtension(const std::vector<std::string>& words);
  void SeesMade(const std::vector<std::string>& words);
  bool LeavesOutWhatIsOf(const std::vector<std::string>& words);
  bool LeavesOutRowsOf(const Table& table);
  bool LeavesOutData(const std::vector<std::string>& words);
  void SeesTable(const std::vector<std::string>& words, size_t kind);
  void SeesAlteredTable(const std::vector<std::string>& words);
  void SeesSearchPath(const std::vector<std::string>& words);
  void Fault(Result<void> result);

  const RestoreOptions options_;
  TableFamily family_;
  RestoreWarnings warnings_;
  std::vector<WantedExtension> wanted_;
  SkippedExtensions skipped_;
  std::string databases_;
  std::set<std::string> tables_;  ///< that the dump makes, "schema.name"
  std::string schema_{"public"};  ///< of names without one
  std::optional<Error> fault_;    ///< ends the restore once the piece has been read
  std::string out_;
  Mode mode_ = Mode::kPass;
  std::string held_;
  std::string line_;  ///< the beginning of a line of data that is left out
};

}  // namespace spawnd::engines::postgresql
