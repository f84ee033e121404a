#include "daemon/handlers/answers/answer.h"

#include <fmt/format.h>

#include <utility>

#include "api/json.h"
#include "base/accounts.h"
#include "daemon/containers/full_volume.h"
#include "daemon/handlers/answers/views.h"
#include "daemon/host/engine_host.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {

void SendJson(const http::Reply& reply, std::string json) {
  reply.Send(200, std::move(json));
}

StreamedAnswer::StreamedAnswer(http::Reply reply)
    : reply_(std::move(reply)), begun_(std::make_shared<std::atomic<bool>>(false)) {}

void StreamedAnswer::Begin() const {
  if (!begun_->exchange(true)) reply_.Begin();
}

void StreamedAnswer::Progress(const api::Progress& progress) const {
  Begin();
  reply_.Line(api::ProgressLine(progress));
}

void StreamedAnswer::Done(std::string_view json) const {
  Begin();
  reply_.Line(api::ResultLine(json));
  reply_.End();
}

void StreamedAnswer::Failed(const Error& error) const {
  if (!begun_->load()) return SendError(reply_, error);
  reply_.Failed(error);
  reply_.Line(api::ErrorLine(error));
  reply_.End();
}

std::function<void(const JobQueued&)> TellQueued(const StreamedAnswer& answer, std::string_view noun) {
  return [answer, noun = std::string(noun)](const JobQueued& queued) {
    const bool own = queued.own_running > 0;
    const size_t count = own ? queued.own_running : queued.all_running;
    api::Progress progress;
    progress.stage = fmt::format("waiting: {} {}{} {}{}", count, noun, count == 1 ? "" : "s",
                                 own ? "of yours " : "", count == 1 ? "is running" : "are running");
    answer.Progress(progress);
  };
}

void ViewImage(Services& services, uid_t viewer, const Result<ImageRow>& row, const ShowImage& show) {
  if (!row) return show(Fail(row.error()));
  auto account = SpaceAccount::Take(services.catalog, services.layout);
  if (!account) return show(Fail(std::move(account.error())));
  auto ready = services.pool.ReadyByImage();
  if (!ready) return show(Fail(std::move(ready.error())));
  services.questions.Run({viewer}, [show, row = *row, account = std::move(*account),
                                    pooled = (*ready)[row->id]](const std::stop_token&) mutable {
    auto view = ViewOfImage(row, UserName(row.owner), account.OfImage(row.id));
    view.pooled = pooled;
    show(std::move(view));
  });
}

void ViewContainer(Services& services, uid_t viewer, const Result<ContainerRow>& row,
                   const ShowContainer& show) {
  if (!row) return show(Fail(row.error()));
  auto image = services.catalog.images.ById(row->image_id);
  if (!image) return show(Fail(std::move(image.error())));
  auto account = SpaceAccount::Take(services.catalog, services.layout, row->image_id);
  if (!account) return show(Fail(std::move(account.error())));
  services.questions.Run(
      {viewer}, [show, row = *row, image = *image, bounds = BoundsOf(services, *row, *image),
                 &groups = services.groups, account = std::move(*account), &host = services.engine_host,
                 &layout = services.layout](const std::stop_token&) mutable {
        const SpaceUse space = account.OfContainer(row.id, row.image_id);
        auto view =
            ViewOfContainer(row, image, UserName(row.owner), space, host.authority->Path(), host.advertised);
        ShowBounds(bounds, groups, view);
        if (view.detail.empty()) view.detail = FullVolumeInWords(layout, row, image, space.unique_bytes);
        show(std::move(view));
      });
}

void AnswerWithImage(Services& services, const Result<ImageRow>& row, const StreamedAnswer& answer,
                     const std::vector<std::string>& warnings) {
  ViewImage(services, row ? row->owner : 0, row, [answer, warnings](Result<api::DataImage> view) {
    if (!view) return answer.Failed(view.error());
    view->warnings = warnings;
    answer.Done(api::ToJson(*view));
  });
}

void AnswerWithContainer(Services& services, const Result<ContainerRow>& row, const StreamedAnswer& answer,
                         const std::vector<std::string>& warnings) {
  ViewContainer(services, row ? row->owner : 0, row, [answer, warnings](Result<api::DataContainer> view) {
    if (!view) return answer.Failed(view.error());
    view->warnings = warnings;
    view->warnings.insert(view->warnings.end(), view->missing.begin(), view->missing.end());
    answer.Done(api::ToJson(*view));
  });
}

}  // namespace spawnd::daemon
