/// /v1/data-sources: everyone has sources of his own; root sees all.
#include <functional>
#include <utility>
#include <vector>

#include "api/json.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/sources/source_views.h"
#include "daemon/sources/sources.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kNoun = "data-source";

/// Goes on with what `viewer` is shown of these, on a question thread.
void View(Services& services, uid_t viewer, std::vector<SourceRow> rows, const http::Reply& reply,
          std::function<void(const std::vector<api::DataSource>&)> show) {
  auto account = SpaceAccount::Take(services.catalog, services.layout);
  if (!account) return SendError(reply, account.error());
  std::vector<SeenSource> seen;
  for (SourceRow& row : rows) {
    auto source = See(services, std::move(row));
    if (!source) return SendError(reply, source.error());
    seen.push_back(std::move(*source));
  }
  services.questions.Run({viewer}, [seen = std::move(seen), account = std::move(*account),
                                    show = std::move(show)](const std::stop_token&) mutable {
    std::vector<api::DataSource> views;
    for (const SeenSource& source : seen) views.push_back(ViewOf(source, account));
    show(views);
  });
}

/// The source as it is now, which something has been done to.
void ShowNow(Services& services, uid_t viewer, int64_t id, const http::Reply& reply) {
  auto row = services.catalog.sources.ById(id);
  if (!row) return SendError(reply, row.error());
  View(services, viewer, {std::move(*row)}, reply, [reply](const std::vector<api::DataSource>& views) {
    StreamedAnswer(reply).Done(api::ToJson(views.front()));
  });
}

void BeginStandby(Services& services, const http::Peer& who, const SourceRow& row, const http::Reply& reply) {
  services.sources.GetStandbys()->Begin(row.id, [&services, who, row, reply](const Result<void>& checked) {
    if (checked) return ShowNow(services, who.identity.uid, row.id, reply);
    const auto because = services.catalog.events.Because(CauseOf(who));
    const auto removed = services.catalog.sources.Remove(row.id);
    SendError(reply, removed ? checked.error() : removed.error());
  });
}

}  // namespace

void CreateDataSource(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto wanted = api::FromJson<api::CreateDataSourceRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  NoteChange(request.peer, "create", kNoun, 0, wanted->name);
  const auto because = services.catalog.events.Because(CauseOf(request.peer));
  const auto row = services.sources.Create(*wanted, request.peer.identity.uid);
  if (!row) return SendError(reply, row.error());
  NoteChange(request.peer, "create", kNoun, row->id, row->name);
  if (!row->state.empty()) return BeginStandby(services, request.peer, *row, reply);
  ShowNow(services, request.peer.identity.uid, row->id, reply);
}

void GetDataSources(Services& services, const http::Request& request, const http::Reply& reply) {
  const http::Caller& who = request.peer.identity;
  auto rows = services.catalog.sources.List();
  if (!rows) return SendError(reply, rows.error());
  std::erase_if(*rows, [&who](const SourceRow& row) { return !MaySee(row, who); });
  View(services, who.uid, std::move(*rows), reply,
       [reply](const std::vector<api::DataSource>& views) { SendJson(reply, api::ToJson(views)); });
}

void GetDataSource(Services& services, const http::Request& request, const http::Reply& reply) {
  WithSource(services, request, reply,
             [&services, viewer = request.peer.identity.uid, reply](const SourceRow& row) {
               View(services, viewer, {row}, reply, [reply](const std::vector<api::DataSource>& views) {
                 SendJson(reply, api::ToJson(views.front()));
               });
             });
}

void UpdateDataSource(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto wanted = api::FromJson<api::UpdateDataSourceRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  WithSource(services, request, reply,
             [&services, who = request.peer, wanted = *wanted, reply](const SourceRow& row) {
               NoteChange(who, "update", kNoun, row.id, row.name);
               const auto because = services.catalog.events.Because(CauseOf(who));
               const auto updated = services.sources.Update(row.id, wanted);
               if (!updated) return SendError(reply, updated.error());
               ShowNow(services, who.identity.uid, row.id, reply);
             });
}

void RunDataSource(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto wanted = request.body.empty() ? Result<api::NothingRequest>(api::NothingRequest())
                                           : api::FromJson<api::NothingRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  WithSource(services, request, reply, [&services, who = request.peer, reply](const SourceRow& row) {
    NoteChange(who, "run", kNoun, row.id, row.name);
    const auto because = services.catalog.events.Because(CauseOf(who));
    const auto begun = services.sources.RunNow(row.id);
    if (!begun) return SendError(reply, begun.error());
    ShowNow(services, who.identity.uid, row.id, reply);
  });
}

void DeleteDataSource(Services& services, const http::Request& request, const http::Reply& reply) {
  WithSource(services, request, reply, [&services, who = request.peer, reply](const SourceRow& row) {
    NoteChange(who, "delete", kNoun, row.id, row.name);
    const auto because = services.catalog.events.Because(CauseOf(who));
    const auto begun = WithReserve(services.reserve, [&] {
      return services.sources.Delete(row.id, [reply, row](const Result<void>& done) {
        done ? SendJson(reply, api::ToJson(api::Deleted{row.id, row.name})) : SendError(reply, done.error());
      });
    });
    if (!begun) SendError(reply, begun.error());
  });
}

}  // namespace spawnd::daemon
