#include "client/output/source_table.h"

#include <fmt/format.h>

#include "client/output/table.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

constexpr const char* kNothing = "-";

std::string Cell(const std::string& text) {
  return text.empty() ? kNothing : OneLine(text);
}

std::string When(int64_t time, int64_t now) {
  return time == 0 ? kNothing : RelativeTime(time, now);
}

/// What is good needs no word.
std::string LastRun(const api::DataSource& source, int64_t now) {
  if (source.last_run_at == 0) return "never";
  const std::string when = RelativeTime(source.last_run_at, now);
  return source.last_outcome == "succeeded" ? when : OneLine(source.last_outcome) + ", " + when;
}

std::string LastImage(const api::DataSource& source) {
  return source.last_image_id == 0 ? kNothing
                                   : fmt::format("{} ({})", Cell(source.last_image), source.last_image_id);
}

void AddWide(const api::DataSource& source, std::vector<std::string>& row) {
  row.insert(row.end(), {Cell(source.owner), source.keep == 0 ? "all" : std::to_string(source.keep),
                         std::to_string(source.images), FormatBytes(source.image_bytes),
                         std::to_string(source.runs), std::to_string(source.failures),
                         std::to_string(source.skipped), Cell(source.connection), Cell(source.slot)});
}

}  // namespace

std::string SourceTable(const std::vector<api::DataSource>& sources, int64_t now, bool wide) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "Name", "Type", "Status", "Schedule", "NextRun", "LastRun", "LastImage", "Lag"}};
  if (wide) {
    rows.front().insert(rows.front().end(),
                        {"Owner", "Keep", "Images", "Size", "Runs", "Failures", "Skipped", "Server", "Slot"});
  }
  std::string below;
  for (const api::DataSource& source : sources) {
    rows.push_back({std::to_string(source.id), Cell(source.name), Cell(source.source_type),
                    Cell(source.status), Cell(source.schedule), When(source.next_run_at, now),
                    LastRun(source, now), LastImage(source),
                    source.lag_bytes ? FormatBytes(*source.lag_bytes) : kNothing});
    if (wide) AddWide(source, rows.back());
    if (!source.detail.empty())
      below += fmt::format("'{}': {}\n", OneLine(source.name), OneLine(source.detail));
  }
  return FormatTable(rows) + below;
}

}  // namespace spawnd::client
