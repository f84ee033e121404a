/// The data sources of the catalog. A part of Catalog, which says what holds for all tables: loop thread
/// only, each call one transaction. What happens to one is an event of it, in the same transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

class Database;
class EventTable;
class Query;

class SourceTable {
 public:
  /// What a caller may see; empty: everything.
  using Filter = std::function<bool(const SourceRow&)>;

  SourceTable(Database& database, EventTable& events) : database_(database), events_(events) {}

  /// row.id 0: takes a new id. Returns the id. kAlreadyExists: its owner has one of that name.
  Result<int64_t> Insert(const SourceRow& row);
  /// "10002" or a name, among those that pass `filter` and are not being deleted: the oldest. kNotFound.
  Result<SourceRow> Find(std::string_view reference, const Filter& filter = {});
  /// Any, also one that is being deleted. kNotFound.
  Result<SourceRow> ById(int64_t id);
  /// By id; kListed: without those that are being deleted.
  Result<std::vector<SourceRow>> List(Rows rows = Rows::kListed);
  /// `next_run` as in the row. kNotFound, kAlreadyExists as Insert.
  Result<void> Update(int64_t id, const SourceChange& change, int64_t next_run);
  Result<void> SetNextRun(int64_t id, int64_t next_run);
  /// A run begins: `next_run` is what comes after it.
  Result<void> BeginRun(int64_t id, std::string_view cause, int64_t now, int64_t next_run);
  /// Which process is the run that goes on.
  Result<void> NoteProcess(int64_t id, const std::string& process);
  /// The run that goes on has ended; `outcome` is one of kRun... in rows.h. `image_id`: what came of it, if
  /// any.
  Result<void> EndRun(int64_t id, std::string_view outcome, const std::string& detail, int64_t now,
                      int64_t image_id = 0);
  /// One that was due did not begin, and why.
  Result<void> NoteSkipped(int64_t id, const std::string& why, int64_t now, int64_t next_run);
  /// Of a standby. A new state is an event, with `detail` as what it says.
  Result<void> SetStandby(int64_t id, const StandbyChange& change);
  /// Its name is free from here on.
  Result<void> MarkDeleting(int64_t id);
  /// Images of sources that are not there any more are of none: the next one may have the same id, where the
  /// catalog was lost and made anew.
  Result<void> ReleaseImages();
  /// Forgets it. Its images stay, and are nobody's of it any more.
  Result<void> Remove(int64_t id);

 private:
  Result<void> CheckNameInTransaction(const std::string& name, uid_t owner, int64_t except_id);

  Database& database_;
  EventTable& events_;
};

}  // namespace spawnd::daemon
