#include "daemon/catalog/rows.h"

#include <array>
#include <charconv>

namespace spawnd::daemon {
namespace {

constexpr std::array<std::pair<ImageState, std::string_view>, 4> kImageStates{{
    {ImageState::kPending, "pending"},
    {ImageState::kCompleted, "completed"},
    {ImageState::kFailed, "failed"},
    {ImageState::kDeleting, "deleting"},
}};

constexpr std::array<std::pair<ContainerState, std::string_view>, 9> kContainerStates{{
    {ContainerState::kCreating, "creating"},
    {ContainerState::kRunning, "running"},
    {ContainerState::kRestarting, "restarting"},
    {ContainerState::kFailed, "failed"},
    {ContainerState::kDeleting, "deleting"},
    {ContainerState::kReverting, "reverting"},
    {ContainerState::kStopping, "stopping"},
    {ContainerState::kStopped, "stopped"},
    {ContainerState::kAsleep, "asleep"},
}};

template <typename Names, typename State>
std::string_view NameOf(const Names& names, State state) {
  for (const auto& [known, name] : names) {
    if (known == state) return name;
  }
  return "failed";
}

template <typename Names>
auto StateOf(const Names& names, std::string_view name) {
  for (const auto& [state, known] : names) {
    if (known == name) return state;
  }
  return decltype(names.front().first)::kFailed;
}

}  // namespace

std::string SourceKey(int64_t source_id) {
  return std::string(kSourceKey) + std::to_string(source_id) + "/";
}

std::string SourceKey(int64_t source_id, int64_t image_before) {
  return SourceKey(source_id) + std::to_string(image_before);
}

int64_t SourceOfKey(std::string_view cache_key) {
  if (!cache_key.starts_with(kSourceKey)) return 0;
  cache_key.remove_prefix(kSourceKey.size());
  int64_t id = 0;
  std::from_chars(cache_key.data(), cache_key.data() + cache_key.size(), id);
  return id;
}

std::string_view ImageStateName(ImageState state) {
  return NameOf(kImageStates, state);
}

ImageState ImageStateFromName(std::string_view name) {
  return StateOf(kImageStates, name);
}

std::string_view ContainerStateName(ContainerState state) {
  return NameOf(kContainerStates, state);
}

ContainerState ContainerStateFromName(std::string_view name) {
  return StateOf(kContainerStates, name);
}

std::string RevisionText(uint32_t number) {
  return "rev." + std::to_string(number);
}

std::string HolderOf(const ContainerRow& container, uint32_t number) {
  for (const RevisionRow& revision : container.revisions) {
    if (revision.number == number) return revision.volume;
  }
  return "";
}

Result<void> CheckRevision(const ContainerRow& container, uint32_t number) {
  std::string names = RevisionText(0);
  for (const RevisionRow& revision : container.revisions) {
    if (revision.number == number) return {};
    names += ", " + RevisionText(revision.number);
  }
  if (number == 0) return {};
  return Fail(ErrorCode::kNotFound,
              "data container '" + container.name + "' has no revision '" + RevisionText(number) + "'",
              "It has: " + names + ".");
}

}  // namespace spawnd::daemon
