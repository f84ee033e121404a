/// What a change is called (NameEvents). By the words of the states, so that a state that is new in the
/// tables is told too, by its own.
#include <algorithm>
#include <iterator>

#include "api/timestamp.h"
#include "daemon/catalog/events.h"

namespace spawnd::daemon {
namespace {

std::string Joined(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) (joined += joined.empty() ? "" : ", ") += text;
  return joined.empty() ? "none" : joined;
}

std::vector<std::string> Missing(const std::vector<std::string>& from, const std::vector<std::string>& in) {
  std::vector<std::string> missing;
  for (const std::string& text : from) {
    if (std::find(in.begin(), in.end(), text) == in.end()) missing.push_back(text);
  }
  return missing;
}

/// "name 'b' for 'a'; tags a, b": empty when nothing of it has changed.
std::string Difference(const EventSubject& before, const EventSubject& after) {
  std::string said;
  const auto say = [&said](const std::string& text) { (said += said.empty() ? "" : "; ") += text; };
  if (before.name != after.name) say("name '" + after.name + "' for '" + before.name + "'");
  if (before.owner != after.owner) {
    say("owner " + std::to_string(after.owner) + " for " + std::to_string(before.owner));
  }
  if (before.resource == "image" && before.tags != after.tags) say("tags " + Joined(after.tags));
  if (before.teams != after.teams) say("teams " + Joined(after.teams));
  if (before.expires_at != after.expires_at) {
    say(after.expires_at == 0 ? "never expires" : "expires " + api::FormatTimestamp(after.expires_at));
  }
  return said;
}

/// Of a row that goes, or is marked to go. A build or a create that fails leaves nothing: that is how it is
/// told.
EventName NameEnd(const EventSubject& before, const EventCause& cause) {
  const bool in_making = before.state == "pending" || before.state == "creating" || before.state == "pooling";
  const bool asked_for = cause.actor.has_value() || !cause.word.empty();
  EventName name{in_making && !asked_for ? "failed" : "deleted", cause.detail, true};
  if (!cause.word.empty()) name.event = cause.word;
  return name;
}

std::string NameStart(std::string_view from, std::string_view begun) {
  if (from == "reverting") return begun == "loading" ? "loaded" : "reset";
  if (from == "restarting" && begun == "waking") return "awake";
  return from == "restarting" && begun != "starting" ? "restarted" : "started";
}

std::string NameState(const EventSubject& before, const EventSubject& after, const EventCause& cause,
                      std::string_view begun) {
  const std::string& to = after.state;
  if (before.state.empty() && cause.word == "recovered") return std::string(cause.word);
  if (before.state.empty()) return to == "pending" ? to : "created";
  if (to == "running") return NameStart(before.state, begun);
  if (to == "reverting") return cause.word.empty() ? "resetting" : std::string(cause.word);
  if (to == "restarting" && cause.actor && !cause.word.empty()) return std::string(cause.word);
  if (to == "restarting" && (before.state == "asleep" || cause.word == "waking")) return "waking";
  // By itself: its server, or what holds it, has ended.
  if (to == "restarting" && before.state == "running" && !cause.actor) return "engine-ended";
  return to;
}

}  // namespace

std::vector<EventName> NameEvents(const EventSubject& before, const EventSubject& after,
                                  const EventCause& cause, std::string_view begun) {
  std::vector<EventName> names;
  if (after.state.empty()) {
    if (!before.state.empty() && before.state != "deleting") names.push_back(NameEnd(before, cause));
    return names;
  }
  if (before.state != after.state && after.state == "deleting") {
    names.push_back(NameEnd(before, cause));
    return names;
  }
  if (after.state == "pooling") return names;  // nobody asked for it, and it may come to nothing
  if (before.state == "pooled" && after.state == "running") {
    // As of any other, for whoever waits for these two.
    names.push_back({"created", "it was started ahead"});
    names.push_back({"started"});
    return names;
  }
  if (before.state != after.state) {
    if (cause.word == "out-of-memory") names.push_back({std::string(cause.word), cause.detail});
    const bool says_why = after.state != "running" && after.state != "completed";
    names.push_back({NameState(before, after, cause, begun), says_why ? after.detail : ""});
    if (names.back().detail.empty()) names.back().detail = cause.word == "out-of-memory" ? "" : cause.detail;
    return names;
  }
  if (after.state == "deleting") return names;
  // Its spare was ready: begun and done in one.
  if (after.state == "running" && before.volume != after.volume && cause.word != "recovered") {
    const bool loads = cause.word == "loading";
    names.push_back({loads ? "loading" : "resetting", "it goes back to " + after.revision});
    names.push_back({loads ? "loaded" : "reset", ""});
  }
  if (std::string said = Difference(before, after); !said.empty())
    names.push_back({"updated", std::move(said)});
  // Whoever had it sees nothing else of it any more.
  if (before.owner != after.owner) names.push_back({"unshared", "it has another owner", true});
  std::vector<std::string> left = Missing(before.teams, after.teams);
  if (!left.empty()) names.push_back({"unshared", "from " + Joined(left), true, std::move(left)});
  return names;
}

}  // namespace spawnd::daemon
