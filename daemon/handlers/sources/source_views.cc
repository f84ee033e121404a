#include "daemon/handlers/sources/source_views.h"

#include <ctime>
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "base/accounts.h"
#include "base/nearest.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/sources/cron.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

Result<SourceRow> Find(Catalog& catalog, const http::Caller& who, const Reference& reference) {
  const bool is_id = api::IdOf(reference.text) != 0;
  const auto find = [&](std::string_view text, const std::function<bool(const SourceRow&)>& is_meant) {
    return catalog.sources.Find(text,
                                [&](const SourceRow& row) { return MaySee(row, who) && is_meant(row); });
  };
  auto found = find(reference.text, [&](const SourceRow& row) { return is_id || row.owner == who.uid; });
  if (found || found.error().code != ErrorCode::kNotFound) return found;
  if (reference.owner) {
    return find(reference.NamePart(), [&](const SourceRow& row) { return row.owner == *reference.owner; });
  }
  // For root, who has none of the name: the only one that others have.
  TRY_ASSIGN(const auto all, catalog.sources.List());
  std::vector<SourceRow> others;
  std::vector<std::string> names;
  for (const SourceRow& row : all) {
    if (!MaySee(row, who)) continue;
    names.push_back(row.name);
    if (row.name == reference.text) others.push_back(row);
  }
  if (others.size() == 1) return others.front();
  if (others.size() > 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + reference.text + "' is the name of " + std::to_string(others.size()) + " data sources",
                "Say whose: <user>/" + reference.text + ".");
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view nearest = Nearest(reference.text, known);
  if (!nearest.empty()) found.error().hint = "Did you mean '" + std::string(nearest) + "'?";
  return found;
}

/// "replica@db.example:5432"
std::string InWords(const std::string& json) {
  if (json.empty()) return {};
  const auto connection = api::FromJson<api::Connection>(json);
  if (!connection) return {};
  return (connection->user.empty() ? "" : connection->user + "@") +
         (connection->host.empty() ? "localhost" : connection->host) +
         (connection->port == 0 ? "" : ":" + std::to_string(connection->port));
}

std::string StatusOf(const SourceRow& row) {
  if (!row.state.empty()) {
    std::string word = row.state;
    word[0] = static_cast<char>(word[0] - 'a' + 'A');
    return word;
  }
  if (row.run_outcome == kRunRunning) return "Running";
  return row.run_outcome.empty() || row.run_outcome == kRunSucceeded ? "Ready" : "Failed";
}

/// Why it is as it is, and what a user would not notice otherwise.
std::string DetailOf(const SourceRow& row) {
  std::string detail = row.detail;
  const auto add = [&detail](const std::string& text) { (detail += detail.empty() ? "" : "; ") += text; };
  const bool failed = row.run_outcome == kRunFailed || row.run_outcome == kRunInterrupted;
  if (failed) add("its last run was " + row.run_outcome + ": " + row.run_detail);
  if (row.skipped_at > row.run_started && row.skipped_at > 0) {
    add("a run was skipped, because the one before it had not ended");
  }
  return detail;
}

void AddStandby(const SourceRow& row, const SpaceAccount& account, api::DataSource& view) {
  if (row.state.empty()) return;
  view.disk_bytes = account.OfStandby(row.id);
  view.connection = InWords(row.connection);
  view.slot = row.slot;
  if (row.lag_bytes >= 0) view.lag_bytes = row.lag_bytes;
  view.max_kept_bytes = row.max_kept_bytes;
  view.copied_bytes = row.copied_bytes;
  view.position = row.position;
  view.server_version = row.server_version;
}

void AddImages(const SeenSource& seen, SpaceAccount& account, api::DataSource& view) {
  for (const ImageRow& image : seen.images) {
    if (image.state != ImageState::kCompleted) continue;
    ++view.images;
    const SpaceUse use = account.OfImage(image.id);
    view.image_bytes += use.unique_bytes;
    view.last_image_id = image.id;  // they are in order
    view.last_image = image.name;
    view.last_image_at = image.created_at;
    view.last_image_new_bytes = image.disk_bytes;
  }
}

}  // namespace

bool MaySee(const SourceRow& source, const http::Caller& who) {
  return (IsRoot(who) || source.owner == who.uid) && who.rights.images.empty();
}

void WithSource(Services& services, const http::Request& request, const http::Reply& reply,
                std::function<void(const SourceRow&)> go_on) {
  WithReference(
      services, request.peer.identity.uid, request.parameters.at("ref"), reply,
      [&services, who = request.peer.identity, reply, go_on = std::move(go_on)](const Reference& reference) {
        const auto source = Find(services.catalog, who, reference);
        source ? go_on(*source) : SendError(reply, source.error());
      });
}

Result<SeenSource> See(Services& services, SourceRow row) {
  TRY_ASSIGN(auto images, services.catalog.images.OfSource(row.id));
  return SeenSource{std::move(row), std::move(images)};
}

api::DataSource ViewOf(const SeenSource& seen, SpaceAccount& account) {
  const SourceRow& row = seen.row;
  api::DataSource view;
  view.id = row.id;
  view.name = row.name;
  view.source_type = row.source_type;
  const auto engine = engines::FindEngine(row.engine);
  view.engine = engine ? std::string((*engine)->DisplayName()) : row.engine;
  view.owner = UserName(row.owner);
  view.status = StatusOf(row);
  view.detail = DetailOf(row);
  view.schedule = row.schedule;
  if (!row.schedule.empty())
    view.time_zone = LocalZoneInWords(row.next_run != 0 ? row.next_run : std::time(nullptr));
  view.keep = row.keep;
  view.created_at = row.created_at;
  view.next_run_at = row.next_run;
  view.last_run_at = row.run_started;
  view.last_run_ended_at = row.run_ended;
  view.last_outcome = row.run_outcome;
  view.last_run_detail = row.run_detail;
  view.last_run_cause = row.run_cause;
  view.runs = row.runs;
  view.failures = row.failures;
  view.skipped = row.skipped;
  view.skipped_at = row.skipped_at;
  view.folder = row.folder;
  view.definition = row.definition;
  AddImages(seen, account, view);
  AddStandby(row, account, view);
  return view;
}

}  // namespace spawnd::daemon
