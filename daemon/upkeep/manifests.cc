#include "daemon/upkeep/manifests.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "daemon/store/manifest_file.h"

namespace spawnd::daemon {
namespace {

/// After one that could not be written: a full disk is not asked again every moment.
constexpr std::chrono::seconds kAfterFailure{60};
/// Are read on the loop at once, some milliseconds in all; at a start there may be thousands.
constexpr size_t kAtOnce = 100;
constexpr std::chrono::milliseconds kUntilNextOnes{10};

}  // namespace

Result<void> Manifests::Start() {
  TRY(catalog_.manifests.WatchChanges([this](ManifestOf which) { Note(which); }));
  TRY_ASSIGN(const auto images, catalog_.images.List(Rows::kAll));
  for (const ImageRow& row : images) due_.insert({ManifestKind::kImage, row.id});
  TRY_ASSIGN(const auto containers, catalog_.containers.List(Rows::kAll));
  for (const ContainerRow& row : containers) due_.insert({ManifestKind::kContainer, row.id});
  if (!due_.empty()) WriteLater(delay_);
  return {};
}

void Manifests::Finish() {
  timer_.reset();
  due_.merge(writing_);
  size_t failed = 0;
  std::string why;
  for (const ManifestOf which : std::exchange(due_, {})) {
    const auto written = WriteNow(which);
    if (written) continue;
    ++failed;
    why = written.error().message;
  }
  if (failed != 0) spdlog::error("{} manifests are not what the catalog says: {}", failed, why);
}

Result<void> Manifests::WriteNow(ManifestOf which) {
  TRY_ASSIGN(const auto manifest, ManifestFor(catalog_, which));
  return manifest ? WriteManifest(layout_, which, *manifest) : Result<void>();
}

void Manifests::Note(ManifestOf which) {
  due_.insert(which);
  if (timer_ == nullptr && !under_way_) WriteLater(delay_);
}

void Manifests::WriteLater(std::chrono::milliseconds delay) {
  auto timer = WatchTime(loop_, delay, std::chrono::milliseconds(0), [this] { WriteDue(); });
  if (timer) {
    timer_ = std::move(*timer);
  } else {
    spdlog::error("manifests are not what the catalog says: {}", timer.error().message);
  }
}

void Manifests::WriteDue() {
  timer_.reset();
  Texts texts;
  for (size_t count = 0; count < kAtOnce && !due_.empty(); ++count) {
    const ManifestOf which = due_.extract(due_.begin()).value();
    auto manifest = ManifestFor(catalog_, which);
    if (!manifest) {
      spdlog::error("{} has no new manifest: {}", which.id, manifest.error().message);
    } else if (*manifest) {
      texts.emplace(which, std::move(**manifest));
      writing_.insert(which);
    }
  }
  more_ = !due_.empty();
  if (texts.empty() && more_) return WriteLater(kUntilNextOnes);
  if (texts.empty()) return;
  under_way_ = true;
  jobs_.Run({.owner = kForDaemon,
             .work =
                 [this, texts = std::move(texts)](const std::stop_token& stop) {
                   Texts left;
                   std::string why;
                   for (const auto& [which, text] : texts) {
                     const auto written =
                         stop.stop_requested() ? Result<void>() : WriteManifest(layout_, which, text);
                     if (written && !stop.stop_requested()) continue;
                     left.emplace(which, text);
                     if (!written) why = written.error().message;
                   }
                   mailbox_.Post([this, left = std::move(left), why] { End(left, why); });
                 },
             .dropped = [](const Error&) {}});  // what it was to write is Finish's
}

void Manifests::End(const Texts& left, const std::string& why) {
  under_way_ = false;
  writing_.clear();
  for (const auto& [which, text] : left) due_.insert(which);
  if (!why.empty()) spdlog::error("{} manifests are not what the catalog says: {}", left.size(), why);
  if (due_.empty() || timer_ != nullptr) return;
  if (!left.empty()) return WriteLater(kAfterFailure);
  WriteLater(more_ ? kUntilNextOnes : delay_);
}

}  // namespace spawnd::daemon
