#include "daemon/reload.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <utility>

#include "base/clock.h"
#include "daemon/access/quotas.h"
#include "daemon/access/visibility.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"
#include "daemon/store/disk.h"

namespace spawnd::daemon {

Reload::Reload(std::string path, bool must_exist, Config started_with, Uses uses)
    : path_(std::move(path)),
      must_exist_(must_exist),
      started_with_(std::move(started_with)),
      uses_(std::move(uses)) {}

void Reload::Begin() {
  if (uses_.stopping.stop_requested()) return;
  if (std::exchange(under_way_, true)) {
    again_ = true;
    return;
  }
  // systemd tells this reload from an earlier one by the time (sd_notify(3)).
  ::sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading its settings",
               static_cast<long long>(MonotonicNanoseconds() / 1000));
  uses_.jobs.Run(kForDaemon, [this](const std::stop_token&) {
    auto wanted = LoadConfig(path_, must_exist_);
    if (wanted)
      uses_.teams.Change(wanted->teams, wanted->publishers, wanted->importers, wanted->require_masked);
    if (wanted) uses_.quotas.Change(wanted->quotas);
    if (wanted && uses_.also) uses_.also(*wanted);
    uses_.mailbox.Post([this, wanted = std::move(wanted)] { Finish(wanted); });
  });
}

void Reload::Finish(const Result<Config>& wanted) {
  if (uses_.stopping.stop_requested()) return;
  if (wanted) {
    uses_.disk.SetLimits(wanted->disk_warn_percent, wanted->disk_refuse_percent);
    spdlog::info(
        "'{}' was read again; its teams, publishers, importers, requireMasked, quotas, webhooks and limits "
        "of the disk are "
        "in force",
        path_);
    const auto waiting = KeysForNextStart(started_with_, *wanted);
    if (!waiting.empty()) {
      spdlog::warn("'{}': these keys have changed and take effect at the next start: {}", path_,
                   fmt::join(waiting, ", "));
    }
  } else {
    spdlog::error("nothing has changed, because the settings cannot be used: {}", wanted.error().message);
  }
  ::sd_notify(0, "READY=1\nSTATUS=serving");
  under_way_ = false;
  if (std::exchange(again_, false)) Begin();
}

}  // namespace spawnd::daemon
