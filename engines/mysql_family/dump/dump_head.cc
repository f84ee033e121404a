// What stands before the first statement of a dump and is none of it: dump_filter.h.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "engines/mysql_family/dump/dump_filter.h"

namespace spawnd::engines::mysql_family {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
/// A longer line is no tool's.
constexpr size_t kMaxToolsLine = 2048;

/// What tools write to their standard error, which `2>&1` or a pseudo terminal puts into the file.
bool IsToolsLine(std::string_view line) {
  constexpr std::array<std::string_view, 14> kStarts{"mysqldump: ",
                                                     "mariadb-dump: ",
                                                     "mysqlpump: ",
                                                     "mysql: [",
                                                     "mysqldump.exe: ",
                                                     "mariadb-dump.exe: ",
                                                     "Warning: ",
                                                     "WARNING: ",
                                                     "[Warning] ",
                                                     "Enter password:",
                                                     "Deprecated program name",
                                                     "docker: ",
                                                     "Defaulted container ",
                                                     "Unable to use a TTY"};
  for (const std::string_view start : kStarts) {
    if (line.starts_with(start)) return true;
  }
  // "/usr/bin/mysqldump: Deprecated program name. ...", "/opt/bitnami/...: [Warning]"
  const size_t colon = line.find(": ");
  if (!line.starts_with('/') || line.starts_with("/*") || colon == std::string_view::npos) return false;
  return line.substr(0, colon).find("dump") != std::string_view::npos;
}

}  // namespace

void DumpFilter::TakeToolsWords() {
  const size_t end = bytes_.find('\n', at_);
  const bool whole = end != std::string_view::npos;
  const std::string_view run = bytes_.substr(at_, whole ? end + 1 - at_ : std::string_view::npos);
  comment_ += run.substr(0, kMaxToolsLine);
  if (!whole && comment_.size() < kMaxToolsLine) {
    at_ += run.size();
    return;
  }
  // What of this run is no part of comment_ stays to be read.
  at_ += std::min(run.size(), kMaxToolsLine);
  EndToolsWords();
}

/// comment_ is a line, or what there is of one.
void DumpFilter::EndToolsWords() {
  std::string line = std::exchange(comment_, {});
  if (line_ == 1 && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
  const bool whole = line.size() < kMaxToolsLine && (line.ends_with('\n') || at_ == bytes_.size());
  if (!options_.is_script && whole && IsToolsLine(line)) {
    // Not all of it, should it be long: one warning is one line.
    warnings_.Add("left out, it is no part of the dump: " + line.substr(0, line.find_first_of("\r\n")),
                  line_);
    CountLines();
    if (line.ends_with('\n')) out_ += '\n';
    return;
  }
  if (line == "\n" || line == "\r\n") {
    CountLines();
    out_ += line;
    return;
  }
  state_ = State::kCode;
  // The rest of these bytes comes after the line, some of which earlier calls brought.
  const std::string_view rest = bytes_.substr(at_);
  bytes_ = line;
  at_ = 0;
  counted_ = 0;
  TakeAll();
  CountLines();
  bytes_ = rest;
  at_ = 0;
  counted_ = 0;
}

}  // namespace spawnd::engines::mysql_family
