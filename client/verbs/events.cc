/// events: what has happened to images and containers, and what happens.
#include <fmt/core.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "api/json.h"
#include "api/lifetime.h"
#include "api/timestamp.h"
#include "base/percent_encode.h"
#include "client/output/output.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

/// As for `logs -f | head -1`.
int PipeToWatch() {
  struct stat st {};
  return ::fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode) ? STDOUT_FILENO : -1;
}

/// A time as people write it: with an offset, or of this machine's time zone.
std::optional<int64_t> SecondsIn(const std::string& text) {
  if (const auto exact = api::ParseTimestamp(text)) return exact;
  for (const char* form : {"%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                           "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    const int64_t offset = parts.tm_gmtoff;
    if (std::string_view(form).ends_with("%z")) return ::timegm(&parts) - offset;
    return ::mktime(&parts);
  }
  return std::nullopt;
}

/// An id as it is, and anything else as the daemon wants a time: "10m" is ten minutes ago.
Result<std::string> PlaceOf(std::string_view flag, const std::string& text) {
  const bool is_id = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (is_id) return text;
  if (const auto time = SecondsIn(text); time && *time >= 0) return api::FormatTimestamp(*time);
  if (const auto ago = api::ParseLifetime(text))
    return api::FormatTimestamp(std::max(int64_t{0}, int64_t{std::time(nullptr)} - *ago));
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{} '{}' is no id of an event, no time and no duration", flag, OneLine(text)),
              "Write 4711, 2026-11-27T20:00:00Z, 2026-11-27, or 10m for ten minutes ago.");
}

/// "?since=17&event=created,started": values of one key together.
Result<std::string> QueryOf(const Invocation& invocation) {
  std::map<std::string, std::string> parameters;
  for (const std::string_view flag : {"--since", "--until"}) {
    if (!invocation.Has(flag)) continue;
    TRY_ASSIGN(parameters[std::string(flag.substr(2))], PlaceOf(flag, invocation.Text(flag)));
  }
  if (invocation.Has("--follow")) parameters["follow"] = "true";
  for (const std::string& filter : invocation.List("--filter")) {
    const size_t equals = filter.find('=');
    const std::string key = filter.substr(0, equals);
    if (equals == std::string::npos || key.empty() || equals + 1 == filter.size() || key == "since" ||
        key == "until" || key == "follow") {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("--filter '{}' is no key=value", OneLine(filter)),
                  "Keys are type, event, id, name, image and owner.");
    }
    std::string& values = parameters[key];
    values += (values.empty() ? "" : ",") + filter.substr(equals + 1);
  }
  std::string query;
  for (const auto& [name, value] : parameters) {
    query += fmt::format("{}{}={}", query.empty() ? "?" : "&", PercentEncode(name), PercentEncode(value));
  }
  return query;
}

std::string LineOf(const api::Event& event) {
  std::string line = fmt::format("{} {} {} {} {} ({})", event.time, event.id, event.type, event.event,
                                 event.name, event.resource_id);
  const auto add = [&line](std::string_view name, const std::string& value) {
    if (!value.empty()) line += fmt::format(" {}={}", name, value);
  };
  if (event.type == "container") add("image", event.image);
  add("revision", event.revision);
  add("owner", event.owner);
  if (event.actor) add("by", event.actor->user);
  if (!event.detail.empty()) line += ": " + event.detail;
  return OneLine(line) + "\n";
}

class Shown {
 public:
  explicit Shown(bool json) : json_(json) {}

  Result<void> Line(std::string_view line) {
    if (line.starts_with(R"({"error":)")) return Fail(api::ErrorFromJson(line));
    if (json_) {
      if (const auto event = api::FromJson<api::Event>(line)) last_ = std::max(last_, event->id);
      return WriteOut(std::string(line) + "\n");
    }
    if (line.starts_with(R"({"event":"missed")")) {
      TRY_ASSIGN(const auto missed, api::FromJson<api::MissedEvents>(line));
      WriteError(fmt::format("warning: events {} to {} are not kept any more\n", missed.from, missed.to));
      return {};
    }
    TRY_ASSIGN(const auto event, api::FromJson<api::Event>(line));
    last_ = event.id;
    return WriteOut(LineOf(event));
  }
  /// The id of the last that came; 0: none.
  int64_t Last() const { return last_; }

 private:
  const bool json_;
  int64_t last_ = 0;
};

Result<int> Events(const Invocation& invocation) {
  TRY_ASSIGN(const std::string query, QueryOf(invocation));
  TRY_ASSIGN(const Format format, ParseFormat(invocation.Text("--output")));
  if (format != Format::kTable && format != Format::kJson) {
    return Fail(ErrorCode::kInvalidArgument, "events are lines of text, or of JSON",
                "Leave --output out, or write -o json.");
  }
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  Shown shown(format == Format::kJson);
  auto got = daemon.GetLines(
      "/v1/events" + query, [&shown](std::string_view line) { return shown.Line(line); }, PipeToWatch());
  if (got || got.error().code == ErrorCode::kCancelled) return 0;
  if (got.error().code == ErrorCode::kUnavailable && shown.Last() != 0)
    got.error().hint = fmt::format("`--since {}` goes on from there.", shown.Last());
  return Fail(std::move(got.error()));
}

constexpr std::array<Flag, 5> kFlags{{
    {"--since", "", "<place>",
     "after the event of that id, or from that time on: 4711, 2026-11-27T20:00:00Z, 10m"},
    {"--until", "", "<place>", "up to the event of that id, or to that time"},
    {"--follow", "-f", "", "go on with what happens; without --since from now on"},
    {"--filter", "", "<key=value>",
     "only these: type, event, id, name, image or owner; again: or within a key, and between keys", true},
    {"--output", "-o", "<format>", "json: a line of JSON for each"},
}};

constexpr std::array<Command, 1> kCommands{{
    {"events", "", "", 0, 0, "Show what has happened to data images and data containers",
     "  spawnctl events --since 1h\n"
     "  spawnctl events -f --filter type=container --filter event=failed --filter event=out-of-memory\n"
     "  spawnctl events -f --since 4711 -o json\n",
     kFlags, Events},
}};

}  // namespace

std::span<const Command> EventCommands() {
  return kCommands;
}

}  // namespace spawnd::client
