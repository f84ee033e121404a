#include "daemon/events/event_line.h"

#include <fmt/format.h>

#include "api/json_writer.h"
#include "api/mapping.h"
#include "api/timestamp.h"
#include "base/accounts.h"
#include "daemon/images/builtin.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kNameIsGood{60};
constexpr size_t kMostNames = 10'000;

/// The id that everybody sees of what a hidden image stands for.
int64_t ShownImageId(const EventRow& event) {
  if (event.built_in.empty()) return event.image_id;
  ImageRow image;
  const size_t colon = event.built_in.find(':');
  image.engine = event.built_in.substr(0, colon);
  image.engine_version = event.built_in.substr(colon + 1);
  image.cache_key = event.built_in;
  return BuiltInId(image);
}

std::string TimeOf(int64_t milliseconds) {
  std::string time = api::FormatTimestamp(milliseconds / 1000);
  time.pop_back();  // the Z
  return fmt::format("{}.{:03}Z", time, milliseconds % 1000);
}

}  // namespace

const std::string& UserNames::Of(uid_t uid) {
  const auto now = std::chrono::steady_clock::now();
  if (known_.size() > kMostNames) known_.clear();
  Known& known = known_[uid];
  if (known.name.empty() || known.until < now) known = {UserName(uid), now + kNameIsGood};
  return known.name;
}

std::string EventJson(const EventRow& event, UserNames& names) {
  api::Event told;
  told.id = event.id;
  told.time = TimeOf(event.time);
  told.type = event.resource;
  told.event = event.event;
  told.resource_id = event.subject;
  told.name = event.name;
  told.owner = names.Of(event.owner);
  told.image = event.resource == "image" ? event.name : event.image;
  told.image_id = ShownImageId(event);
  if (event.resource == "image") {
    told.tags = event.tags;
    told.teams = event.teams;
  }
  told.revision = event.revision;
  told.container_id = event.resource == "container" ? event.subject : event.container_id;
  if (event.actor) told.actor = api::EventActor{*event.actor, names.Of(*event.actor), event.token_id};
  told.detail = event.detail;
  return api::JsonOf(told, api::Empties::kKeep);
}

std::string MissedJson(int64_t from, int64_t to) {
  return api::JsonOf(api::MissedEvents{"missed", from, to}, api::Empties::kKeep);
}

}  // namespace spawnd::daemon
