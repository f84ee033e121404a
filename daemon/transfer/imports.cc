#include "daemon/transfer/imports.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/file.h"
#include "daemon/store/spool_file.h"
#include "daemon/transfer/description.h"
#include "engines/registry.h"
#include "storage/checksum.h"

namespace spawnd::daemon {
namespace {

/// How long whoever comes back waits for the connection that he has left.
constexpr std::chrono::seconds kPatience{10};
constexpr size_t kIdLength = 32;

std::string IdOf(std::span<const std::byte> head) {
  return fmt::format("{:016x}{:016x}", storage::Checksum(head, 1), storage::Checksum(head, 2));
}

bool IsId(std::string_view text) {
  return text.size() == kIdLength && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error NoImport(const std::string& id) {
  return {ErrorCode::kNotFound, "there is no import '" + id + "' under way",
          "Give the file to 'spawnctl import' again."};
}

std::string NameOf(uid_t user, std::string_view id) {
  return fmt::format("{}-{}", user, id);
}

/// When something in the folder has changed last; 0 when it is gone.
int64_t TouchedAt(const std::string& folder) {
  int64_t newest = 0;
  const auto look = [&newest](const std::string& path) {
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0) newest = std::max<int64_t>(newest, st.st_mtime);
  };
  look(folder);
  const auto names = PosixFileSystem().List(folder);
  if (!names) return newest;
  for (const std::string& name : *names) look(folder + "/" + name);
  return newest;
}

}  // namespace

Result<std::shared_ptr<Imports::Hold>> Imports::Take(const std::string& name) {
  std::unique_lock lock(mutex_);
  if (!released_.wait_for(lock, kPatience, [&] { return !held_.contains(name); })) {
    return Fail(ErrorCode::kInUse, "this file is being imported by you already",
                "Wait for the other one, or end it.");
  }
  held_.insert(name);
  return std::make_shared<Hold>(*this, name);
}

void Imports::Release(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    held_.erase(name);
  }
  released_.notify_all();
}

Result<api::Import> Imports::Begin(uid_t user, std::string_view head) {
  const auto bytes = std::as_bytes(std::span(head));
  TRY_ASSIGN(const storage::ExportHead decoded, storage::DecodeExportHead(bytes));
  Held held;
  TRY_ASSIGN(held.image, ReadDescription(decoded.description));
  const std::string id = IdOf(bytes);
  const std::string name = NameOf(user, id);
  DropOld();
  DropMany(user, name);
  TRY_ASSIGN(held.hold, Take(name));
  TRY_ASSIGN(held.receiver,
             storage::ImportReceiver::Begin(PosixFileSystem(), layout_.Imports() + "/" + name, bytes));
  const uint64_t missing = decoded.FileBytes() - std::min(held.receiver->Offset(), decoded.FileBytes());
  const auto room = CheckRoomForMore(disk_, missing);
  if (!room && held.receiver->Offset() == decoded.HeadBytes()) TRY(held.hold->Forget());
  TRY(room);
  return View(id, held);
}

Result<void> Imports::CheckId(const std::string& id) {
  if (IsId(id)) return {};
  return Fail(NoImport(id));
}

Result<Imports::Held> Imports::Open(uid_t user, const std::string& id) {
  Held held;
  TRY(CheckId(id));
  const std::string name = NameOf(user, id);
  TRY_ASSIGN(held.hold, Take(name));
  auto receiver = storage::ImportReceiver::Continue(PosixFileSystem(), layout_.Imports() + "/" + name);
  if (!receiver && receiver.error().code == ErrorCode::kNotFound) return Fail(NoImport(id));
  if (!receiver) return Fail(std::move(receiver.error()));
  held.receiver = std::move(*receiver);
  TRY_ASSIGN(held.image, ReadDescription(held.receiver->Head().description));
  return held;
}

api::Import Imports::View(const std::string& id, const Held& held) {
  api::Import view;
  view.id = id;
  view.name = held.image.name;
  const auto engine = engines::FindEngine(held.image.engine);
  view.engine = engine ? std::string((*engine)->DisplayName()) : held.image.engine;
  view.engine_version = held.image.engine_version;
  view.offset = static_cast<int64_t>(held.receiver->Offset());
  view.size_bytes = static_cast<int64_t>(held.receiver->Head().FileBytes());
  view.complete = held.receiver->Complete();
  return view;
}

Result<void> Imports::CheckRoom() const {
  return CheckRoomForMore(disk_);
}

void Imports::DropUnlessHeld(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    if (!held_.insert(name).second) return;
  }
  const Hold hold(*this, name);
  const auto removed = hold.Forget();
  if (removed) {
    spdlog::info("import '{}' was given up", name);
  } else {
    spdlog::error("import '{}' stays: {}", name, removed.error().message);
  }
}

void Imports::DropOld() {
  const auto names = PosixFileSystem().List(layout_.Imports());
  if (!names) return;
  const int64_t oldest = std::time(nullptr) - std::chrono::seconds(kImportKept).count();
  for (const std::string& name : *names) {
    if (TouchedAt(layout_.Imports() + "/" + name) < oldest) DropUnlessHeld(name);
  }
}

void Imports::DropMany(uid_t user, const std::string& except) {
  const auto names = PosixFileSystem().List(layout_.Imports());
  if (!names) return;
  std::multimap<int64_t, std::string> others;
  for (const std::string& name : *names) {
    if (name == except || !name.starts_with(std::to_string(user) + "-")) continue;
    others.emplace(TouchedAt(layout_.Imports() + "/" + name), name);
  }
  while (others.size() >= kMaxImportsOfUser) {
    DropUnlessHeld(others.begin()->second);
    others.erase(others.begin());
  }
}

}  // namespace spawnd::daemon
