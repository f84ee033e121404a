#include "daemon/catalog/manifests.h"

#include <algorithm>
#include <memory>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "daemon/catalog/migrations.h"
#include "daemon/catalog/schema.h"

namespace spawnd::daemon {
namespace {

constexpr int64_t kFormat = 1;

struct Part {
  std::string_view table;
  std::string_view key;  ///< the column that says whose a row is
};
constexpr Part kPartsOfImage[] = {
    {"images", "id"}, {"image_tags", "image_id"}, {"image_teams", "image_id"}, {"image_layers", "image_id"}};
constexpr Part kPartsOfContainer[] = {{"containers", "id"}, {"container_revisions", "container_id"}};

std::span<const Part> PartsOf(ManifestKind kind) {
  if (kind == ManifestKind::kImage) return kPartsOfImage;
  return kPartsOfContainer;
}

/// The first column of every row of a query with texts for its question marks.
template <typename... Values>
Result<std::vector<std::string>> Texts(Database& database, std::string_view sql, const Values&... values) {
  TRY_ASSIGN(Query query, database.Prepare(sql));
  (query.Bind(values), ...);
  std::vector<std::string> texts;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return texts;
    texts.push_back(query.Text());
  }
}

Result<std::vector<std::string>> ColumnsOf(Database& database, std::string_view table) {
  return Texts(database, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table);
}

/// '[{"id":10001,...}]', by SQLite's own hand: a number stays one, and a text whatever it holds.
Result<std::string> RowsAsJson(Database& database, const Part& part, int64_t id) {
  TRY_ASSIGN(const auto columns, ColumnsOf(database, part.table));
  std::string pairs;
  for (const std::string& column : columns)
    pairs += (pairs.empty() ? "'" : ", '") + column + "', \"" + column + "\"";
  TRY_ASSIGN(const auto texts, Texts(database,
                                     "SELECT json_group_array(json_object(" + pairs + ")) FROM " +
                                         std::string(part.table) + " WHERE " + std::string(part.key) + " = ?",
                                     id));
  return texts.front();
}

Result<std::string> ManifestIn(Database& database, ManifestOf which, int64_t schema) {
  std::string manifest = "{\"format\":" + std::to_string(kFormat) + ",\"schema\":" + std::to_string(schema);
  for (const Part& part : PartsOf(which.kind)) {
    TRY_ASSIGN(const std::string rows, RowsAsJson(database, part, which.id));
    if (part.key == "id" && rows == "[]")
      return Fail(ErrorCode::kNotFound, "there is no row with the id " + std::to_string(which.id));
    manifest += ",\"" + std::string(part.table) + "\":" + rows;
  }
  return manifest + "}";
}

Result<void> InsertPart(Database& database, const Part& part, const std::string& manifest) {
  const std::string table(part.table);
  TRY_ASSIGN(const auto there, ColumnsOf(database, part.table));
  TRY_ASSIGN(const auto keys, Texts(database, "SELECT key FROM json_each(?, '$." + table + "[0]')",
                                    std::string_view(manifest)));
  std::string columns;
  std::string values;
  for (const std::string& column : there) {
    if (std::find(keys.begin(), keys.end(), column) == keys.end()) continue;
    columns += (columns.empty() ? "\"" : ", \"") + column + "\"";
    values += (values.empty() ? "" : ", ") + ("json_extract(value, '$." + column + "')");
  }
  if (columns.empty()) return {};
  // A tag is one image's of a name at a time: the one that has it is newer.
  const std::string verb = part.table == "image_tags" ? "INSERT OR IGNORE INTO " : "INSERT INTO ";
  return database.Run(
      verb + table + " (" + columns + ") SELECT " + values + " FROM json_each(?, '$." + table + "')",
      std::string_view(manifest));
}

struct Head {
  int64_t format = 0;
  int64_t schema = 0;
};

Error NoManifest() {
  return {ErrorCode::kCorrupt, "it is no manifest"};
}

/// Of a text that may be anything.
Result<Head> HeadOf(Database& scratch, const std::string& manifest) {
  TRY_ASSIGN(const auto valid, Texts(scratch, "SELECT json_valid(?)", std::string_view(manifest)));
  if (valid.front() != "1") return Fail(NoManifest());
  TRY_ASSIGN(Query query, scratch.Prepare("SELECT json_extract(?, '$.format'), json_extract(?, '$.schema')"));
  query.Bind(std::string_view(manifest)).Bind(std::string_view(manifest));
  TRY_ASSIGN(const bool row, query.Step());
  Head head;
  if (row) head = {query.Int(), query.Int()};
  if (head.format < 1 || head.schema < kFirstSchemaVersion) return Fail(NoManifest());
  if (head.format > kFormat || head.schema > kCatalogSchemaVersion)
    return Fail(ErrorCode::kUnsupported, "it is the manifest of a newer spawnd");
  return head;
}

Result<ManifestSummary> Summarize(Database& scratch, const std::string& manifest) {
  for (const auto& [kind, table, image] :
       {std::tuple{ManifestKind::kImage, "images", "'$.none'"},
        std::tuple{ManifestKind::kContainer, "containers", "'$.image_id'"}}) {
    TRY_ASSIGN(Query query,
               scratch.Prepare("SELECT json_extract(value, '$.id'), json_extract(value, '$.name'), "
                               "json_extract(value, '$.owner'), json_extract(value, " +
                               std::string(image) +
                               "), json_extract(value, '$.volume') FROM json_each(?, '$." + table + "')"));
    query.Bind(std::string_view(manifest));
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) continue;
    ManifestSummary summary{{kind, query.Int()}, query.Text(), query.Int(), query.Int(), query.Text()};
    if (summary.of.id > 0) return summary;
  }
  return Fail(NoManifest());
}

/// As a catalog of that schema would have it after all steps.
Result<std::string> BringUpToNow(const std::string& manifest, ManifestOf of, int64_t schema) {
  TRY_ASSIGN(const auto database, Database::InMemory());
  const auto steps = Migrations();
  TRY(MakeTables(*database, steps.first(static_cast<size_t>(schema - kFirstSchemaVersion))));
  TRY(database->Execute("PRAGMA foreign_keys = OFF"));
  {
    Transaction transaction(*database);
    TRY(transaction.Begin());
    for (const Part& part : PartsOf(of.kind)) TRY(InsertPart(*database, part, manifest));
    TRY(transaction.Commit());
  }
  TRY(ApplyUnchecked(*database, schema, steps));
  return ManifestIn(*database, of, kCatalogSchemaVersion);
}

}  // namespace

Result<std::string> ManifestRows::Of(ManifestOf which) {
  return ManifestIn(database_, which, kCatalogSchemaVersion);
}

Result<ManifestSummary> SummaryOfManifest(const std::string& manifest) {
  TRY_ASSIGN(const auto scratch, Database::InMemory());
  TRY(HeadOf(*scratch, manifest));
  return Summarize(*scratch, manifest);
}

Result<void> ManifestRows::Insert(const std::string& manifest) {
  TRY_ASSIGN(const auto scratch, Database::InMemory());
  TRY_ASSIGN(const Head head, HeadOf(*scratch, manifest));
  TRY_ASSIGN(const ManifestSummary summary, Summarize(*scratch, manifest));
  if (summary.image_id != 0) {
    TRY_ASSIGN(const auto image, Texts(database_, "SELECT id FROM images WHERE id = ?", summary.image_id));
    if (image.empty()) {
      return Fail(ErrorCode::kNotFound,
                  "the catalog does not know its image, " + std::to_string(summary.image_id));
    }
  }
  if (head.schema == kCatalogSchemaVersion) return InsertRows(manifest);
  TRY_ASSIGN(const std::string of_now, BringUpToNow(manifest, summary.of, head.schema));
  return InsertRows(of_now);
}

Result<void> ManifestRows::InsertRows(const std::string& manifest) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  for (const Part& part : kPartsOfImage) TRY(InsertPart(database_, part, manifest));
  for (const Part& part : kPartsOfContainer) TRY(InsertPart(database_, part, manifest));
  return transaction.Commit();
}

Result<void> ManifestRows::WatchChanges(std::function<void(ManifestOf)> changed) {
  TRY(database_.AddFunction("note_change", [changed = std::move(changed)](int64_t kind, int64_t id) {
    changed({static_cast<ManifestKind>(kind), id});
  }));
  for (const ManifestKind kind : {ManifestKind::kImage, ManifestKind::kContainer}) {
    for (const Part& part : PartsOf(kind)) {
      for (const auto& [when, row] :
           {std::pair{"INSERT", "NEW"}, std::pair{"UPDATE", "NEW"}, std::pair{"DELETE", "OLD"}}) {
        const std::string table(part.table);
        // This connection's own, gone with it: another program's can write to the tables without the
        // function.
        TRY(database_.Execute(("CREATE TEMP TRIGGER note_" + table + "_" + when + " AFTER " + when + " ON " +
                               table + " BEGIN SELECT note_change(" +
                               std::to_string(static_cast<int64_t>(kind)) + ", " + row + "." +
                               std::string(part.key) + "); END")
                                  .c_str()));
      }
    }
  }
  return {};
}

}  // namespace spawnd::daemon
