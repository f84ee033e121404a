#include "client/output/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/mapping.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

constexpr size_t kGap = 3;
/// A cell that is empty would shift the later columns for awk.
constexpr std::string_view kNothing = "-";
/// The state of a data container whose create has not been answered yet.
constexpr std::string_view kCreating = "creating";
/// Of one whose server is started by the next connection.
constexpr std::string_view kAsleep = "asleep";

size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string Cell(std::string_view text) {
  const std::string line = OneLine(text);
  return line.empty() ? std::string(kNothing) : line;
}

std::string List(const std::vector<std::string>& texts) {
  return Cell(fmt::format("{}", fmt::join(texts, ", ")));
}

std::string Time(int64_t time, int64_t now, std::string_view when_zero) {
  return time == 0 ? std::string(when_zero) : RelativeTime(time, now);
}

/// As long as something is being made its lifetime has not begun, and nobody knows when it will end.
std::string Expiry(int64_t time, int64_t now, bool in_making) {
  return Time(time, now, in_making ? kNothing : "never");
}

std::string StatusWord(api::Status status) {
  for (const auto& [candidate, word] : api::NamesOf(status)) {
    if (candidate == status) return std::string(word);
  }
  return "Unknown";
}

/// "PostgreSQL:11.0", one word. `resource` is an image or a container.
std::string EngineCell(const auto& resource) {
  std::string text = OneLine(resource.engine);
  if (!resource.version_text.empty()) text += ":" + OneLine(resource.version_text);
  return Cell(text);
}

std::string ScopeCell(const api::AccessToken& token) {
  std::vector<std::string> words = token.images;
  if (token.read_only) words.insert(words.begin(), "read-only");
  return words.empty() ? "everything" : List(words);
}

}  // namespace

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - Width(row[i]) + kGap, ' ');
    }
    text += '\n';
  }
  return text;
}

namespace {

/// "1/2": one waits, two are wanted; without an end: as the daemon says.
std::string WarmCell(const api::DataImage& image) {
  return std::to_string(image.pooled) + (image.warm ? "/" + std::to_string(*image.warm) : "");
}

/// Enough of the digest to tell rules apart.
std::string MaskCell(const api::DataImage& image) {
  constexpr std::string_view kPrefix = "sha256:";
  constexpr size_t kDigits = 12;
  if (!image.masked) return std::string(kNothing);
  const bool known = image.mask_digest.starts_with(kPrefix);
  return Cell(known ? image.mask_digest.substr(kPrefix.size(), kDigits) : image.mask_digest);
}

std::string MemoryCell(int64_t bytes) {
  return bytes == 0 ? std::string(kNothing) : FormatBytes(bytes);
}

}  // namespace

std::string ImageTable(const std::vector<api::DataImage>& images, int64_t now, bool wide) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "Name", "Tags", "Engine", "Status", "CreatedAt", "Teams", "ExpiresAt"}};
  if (wide) rows.front().insert(rows.front().end(), {"Owner", "Warm", "Masked"});
  for (const api::DataImage& image : images) {
    rows.push_back({std::to_string(image.id), Cell(image.name), List(image.tags), EngineCell(image),
                    StatusWord(image.status), Time(image.created_at, now, kNothing), List(image.teams),
                    Expiry(image.expires_at, now, image.status == api::Status::kPending)});
    if (wide) rows.back().insert(rows.back().end(), {Cell(image.owner), WarmCell(image), MaskCell(image)});
  }
  return FormatTable(rows);
}

std::string PoolTable(const std::vector<api::DataContainer>& containers, int64_t now) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "Image", "Engine", "State", "CreatedAt", "Memory", "Disk"}};
  for (const api::DataContainer& container : containers) {
    rows.push_back({std::to_string(container.id), Cell(container.image), EngineCell(container),
                    Cell(container.state), Time(container.created_at, now, kNothing),
                    MemoryCell(container.usage ? container.usage->memory_bytes : 0),
                    MemoryCell(container.disk_bytes)});
  }
  return FormatTable(rows);
}

std::string OutdatedText(const std::vector<api::DataContainer>& containers) {
  std::string text;
  size_t count = 0;
  for (const api::DataContainer& one : containers) {
    if (one.outdated.empty()) continue;
    ++count;
    text = "'" + Cell(one.name) + "' is outdated: " + Cell(one.outdated) +
           ". `spawnctl restart data-container " + Cell(one.name) + "` brings it up to date.\n";
  }
  if (count <= 1) return text;
  return std::to_string(count) +
         " are outdated. `spawnctl restart data-container --all --outdated --rolling` brings them up to "
         "date, "
         "one after the other.\n";
}

namespace {

std::string MarksOf(const api::DataContainer& container) {
  return std::string(container.state == kAsleep ? ", asleep" : "") +
         (container.outdated.empty() ? "" : ", outdated");
}

}  // namespace

std::string ContainerTable(const std::vector<api::DataContainer>& containers, int64_t now,
                           ContainerColumns columns) {
  const bool mark = columns == ContainerColumns::kMarked;
  const bool wide = columns == ContainerColumns::kWide;
  std::vector<std::vector<std::string>> rows = {
      {"ID", "Name", "Revision", "Status", "Engine", "CreatedAt", "ExpiresAt"}};
  // Who sees those of others has to know whose each is: two may have the same name.
  const bool several = std::any_of(containers.begin(), containers.end(), [&](const api::DataContainer& one) {
    return one.owner != containers.front().owner;
  });
  if (several) rows.front().emplace_back("Owner");
  if (wide) rows.front().insert(rows.front().end(), {"State", "Spare"});
  for (const api::DataContainer& container : containers) {
    rows.push_back({std::to_string(container.id), Cell(container.name), Cell(container.revision),
                    StatusWord(container.status) + (mark ? MarksOf(container) : ""), EngineCell(container),
                    Time(container.created_at, now, kNothing),
                    Expiry(container.expires_at, now, container.state == kCreating)});
    if (several) rows.back().push_back(Cell(container.owner));
    if (wide) rows.back().insert(rows.back().end(), {Cell(container.state), Cell(container.spare)});
  }
  return FormatTable(rows);
}

std::string TokenTable(const std::vector<api::AccessToken>& tokens, int64_t now) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "Purpose", "Owner", "CreatedAt", "LastUsedAt", "Expires", "Scope"}};
  for (const api::AccessToken& token : tokens) {
    rows.push_back({std::to_string(token.id), Cell(token.purpose), Cell(token.owner),
                    Time(token.created_at, now, kNothing), Time(token.last_used_at, now, "never"),
                    Expiry(token.expires_at, now, false), ScopeCell(token)});
  }
  return FormatTable(rows);
}

std::string EngineTable(const std::vector<api::Engine>& engines) {
  std::vector<std::vector<std::string>> rows = {{"Engine", "Name", "Version", "Usable", "Path", "Problem"}};
  for (const api::Engine& engine : engines) {
    std::string name = Cell(engine.name);
    // One word to a column.
    std::replace(name.begin(), name.end(), ' ', '-');
    rows.push_back({Cell(engine.engine), name, Cell(engine.version), engine.usable ? "yes" : "no",
                    Cell(engine.path), Cell(engine.problem)});
  }
  return FormatTable(rows);
}

}  // namespace spawnd::client
