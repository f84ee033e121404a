#include "daemon/events/filter.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/nearest.h"

namespace spawnd::daemon {
namespace {

constexpr std::array<std::string_view, 6> kKeys{"type", "event", "id", "name", "image", "owner"};
constexpr std::array<std::string_view, 3> kTypes{"image", "container", "source"};
/// What NameEvents (daemon/catalog/event_names.cc) and SourceTable may say.
constexpr std::array<std::string_view, 33> kEvents{
    "pending",         "completed",     "failed",   "updated",   "unshared",    "deleted",       "expired",
    "created",         "started",       "starting", "stopped",   "stopping",    "restarted",     "restarting",
    "engine-ended",    "out-of-memory", "saved",    "resetting", "reset",       "loading",       "loaded",
    "graduated",       "recovered",     "missed",   "pooled",    "run-started", "run-succeeded", "run-failed",
    "run-interrupted", "run-skipped",   "copying",  "following", "lagging"};
constexpr size_t kMostValues = 100;

std::string Listed(std::span<const std::string_view> words) {
  std::string list;
  for (const std::string_view word : words) (list += list.empty() ? "" : ", ") += word;
  return list;
}

Result<void> CheckWord(std::string_view noun, const std::string& word,
                       std::span<const std::string_view> known) {
  if (std::find(known.begin(), known.end(), word) != known.end()) return {};
  const std::string_view nearest = Nearest(word, known);
  return Fail(ErrorCode::kInvalidArgument, "there is no " + std::string(noun) + " '" + word + "'",
              nearest.empty()
                  ? "There are: " + Listed(known) + "."
                  : "Did you mean '" + std::string(nearest) + "'? There are: " + Listed(known) + ".");
}

/// "shop", "shop:latest" or an id, of the image itself or of what a container was asked to be made of.
bool IsOfImage(const EventRow& event, const std::string& wanted) {
  if (wanted == std::to_string(event.image_id) || wanted == event.image_name) return true;
  if (wanted == event.image || wanted == event.image.substr(0, event.image.find(':'))) return !wanted.empty();
  return std::any_of(event.tags.begin(), event.tags.end(), [&](const std::string& tag) {
    return event.resource == "image" && wanted == event.image_name + ":" + tag;
  });
}

bool Matches(std::string_view key, const std::string& wanted, const EventRow& event,
             const NameOfUser& name_of) {
  if (key == "type") return event.resource == wanted;
  if (key == "event") return event.event == wanted;
  if (key == "id") return std::to_string(event.subject) == wanted;
  if (key == "name") return event.name == wanted;
  if (key == "image") return IsOfImage(event, wanted);
  return std::to_string(event.owner) == wanted || name_of(event.owner) == wanted;
}

}  // namespace

bool EventFilter::IsKey(std::string_view key) {
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

Result<void> EventFilter::Add(const std::string& key, const std::string& value) {
  TRY(CheckWord("filter", key, kKeys));
  if (value.empty()) return Fail(ErrorCode::kInvalidArgument, "the filter '" + key + "' has no value");
  if (key == "type") TRY(CheckWord("type of event", value, kTypes));
  if (key == "event") TRY(CheckWord("event", value, kEvents));
  std::vector<std::string>& values = wanted_[key];
  if (values.size() >= kMostValues) {
    return Fail(ErrorCode::kInvalidArgument,
                "the filter '" + key + "' has more than " + std::to_string(kMostValues) + " values");
  }
  values.push_back(value);
  return {};
}

Result<void> EventFilter::AddList(const std::string& key, std::string_view values) {
  while (true) {
    const size_t comma = values.find(',');
    TRY(Add(key, std::string(values.substr(0, comma))));
    if (comma == std::string_view::npos) return {};
    values.remove_prefix(comma + 1);
  }
}

bool EventFilter::Matches(const EventRow& event, const NameOfUser& name_of) const {
  return std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& entry) {
    return std::any_of(entry.second.begin(), entry.second.end(), [&](const std::string& value) {
      return daemon::Matches(entry.first, value, event, name_of);
    });
  });
}

}  // namespace spawnd::daemon
