#include "daemon/host/version_memory.h"

#include <unistd.h>

#include <iterator>
#include <span>
#include <string_view>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/mapping.h"
#include "base/file.h"

namespace spawnd::daemon {
namespace {

/// Far more than anybody installs; each has kMaxServerRunOutput bytes at most.
constexpr size_t kMaxPrograms = 500;
constexpr api::JsonLimits kLimits{size_t{8} << 20, 8, size_t{1} << 16, 100'000};

struct Entry {
  std::vector<std::string> argv;
  std::string program;
  std::string output;
};

struct Entries {
  std::vector<Entry> programs;
};

void Describe(auto& visit, api::Is<Entry> auto& x) {
  visit.Field("argv", x.argv);
  visit.Field("program", x.program);
  visit.Field("output", x.output);
}

void Describe(auto& visit, api::Is<Entries> auto& x) {
  visit.Field("programs", x.programs);
}

/// Without a sync: what a power cut makes of it is asked again.
Result<void> Write(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".tmp";
  {
    TRY_ASSIGN(const auto file, PosixFileSystem().Open(temporary, OpenMode::kCreate));
    TRY(file->Truncate(0));
    TRY(file->WriteAt(0, std::as_bytes(std::span(text))));
  }
  return PosixFileSystem().Rename(temporary, path);
}

}  // namespace

VersionMemory::VersionMemory(std::string path) : path_(std::move(path)) {
  if (!path_.empty()) Read();
}

void VersionMemory::Read() {
  auto entries =
      api::ReadJson<Entries>(TextOfFile(path_), kLimits, api::Strictness::kLenient, "what servers have said");
  if (!entries) return;
  for (Entry& one : entries->programs) {
    if (one.argv.empty() || one.program.empty()) continue;
    said_[std::move(one.argv)] = {std::move(one.program), std::move(one.output)};
  }
}

std::optional<std::string> VersionMemory::Recall(const std::vector<std::string>& argv,
                                                 const engines::ProgramIdentity& program) const {
  const std::lock_guard lock(mutex_);
  const auto found = said_.find(argv);
  if (found == said_.end() || found->second.program != program.Text()) return std::nullopt;
  return found->second.output;
}

void VersionMemory::Note(const std::vector<std::string>& argv, const engines::ProgramIdentity& program,
                         std::string output) {
  const std::lock_guard lock(mutex_);
  if (said_.size() >= kMaxPrograms) said_.clear();
  said_[argv] = {program.Text(), std::move(output)};
  is_new_ = true;
}

void VersionMemory::Keep() {
  Entries entries;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(is_new_, false) || path_.empty()) return;
    std::erase_if(said_, [](const auto& entry) { return ::access(entry.first.front().c_str(), F_OK) != 0; });
    for (const auto& [argv, said] : said_) entries.programs.push_back({argv, said.program, said.output});
  }
  [[maybe_unused]] const bool kept = Write(path_, api::JsonOf(entries, api::Empties::kOmit)).has_value();
}

}  // namespace spawnd::daemon
