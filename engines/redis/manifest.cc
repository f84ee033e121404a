#include "engines/redis/manifest.h"

#include <algorithm>
#include <cctype>

namespace spawnd::engines::redis {
namespace {

constexpr size_t kMostFiles = 1000;
constexpr int kMostNotes = 100;

bool IsDigit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

/// The next word, which may stand in quotation marks; false at the end and for what is no word.
bool TakeWord(std::string_view& line, std::string& word) {
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t\r")));
  if (line.empty()) return false;
  const bool quoted = line.front() == '"';
  const size_t end = quoted ? line.find('"', 1) : line.find_first_of(" \t\r");
  if (quoted && end == std::string_view::npos) return false;
  word = line.substr(quoted ? 1 : 0, quoted ? end - 1 : end);
  line.remove_prefix(std::min(line.size(), end == std::string_view::npos ? end : end + 1));
  return word.find('\\') == std::string::npos;
}

/// A number after `*` or `$`, and the line's end, within the first bytes.
size_t CountAt(std::string_view bytes, char mark) {
  if (bytes.size() < 2 || bytes.front() != mark || !IsDigit(bytes[1])) return std::string_view::npos;
  size_t at = 1;
  while (at < bytes.size() && IsDigit(bytes[at])) ++at;
  return at < bytes.size() && bytes.substr(at, 2) == "\r\n" ? at + 2 : std::string_view::npos;
}

}  // namespace

Result<std::vector<ManifestFile>> ReadManifest(std::string_view text, const std::string& name) {
  std::vector<ManifestFile> files;
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty() || line.front() == '#') continue;
    ManifestFile file;
    std::string key;
    std::string value;
    std::string type;
    while (TakeWord(line, key) && TakeWord(line, value)) {
      if (key == "file") file.name = value;
      if (key == "type") type = value;
    }
    const bool is_name = !file.name.empty() && file.name.find('/') == std::string::npos && file.name != "..";
    if (!is_name || type.size() != 1 || files.size() == kMostFiles) {
      return Fail(ErrorCode::kInvalidArgument,
                  "line " + std::to_string(number) + " of '" + name + "' is none of a manifest",
                  "A line is: file appendonly.aof.1.incr.aof seq 1 type i");
    }
    file.is_base = type == "b";
    if (type != "h") files.push_back(std::move(file));
  }
  if (files.empty()) return Fail(ErrorCode::kInvalidArgument, "'" + name + "' names no file");
  return files;
}

bool BeginsManifest(std::string_view first_bytes) {
  const std::string_view line = first_bytes.substr(0, first_bytes.find('\n'));
  return line.starts_with("file ") && line.find(" seq ") != std::string_view::npos &&
         line.find(" type ") != std::string_view::npos;
}

bool BeginsCommands(std::string_view first_bytes) {
  for (int notes = 0; first_bytes.starts_with('#') && notes < kMostNotes; ++notes) {
    const size_t end = first_bytes.find("\r\n");
    if (end == std::string_view::npos) return false;
    first_bytes.remove_prefix(end + 2);
  }
  const size_t arguments = CountAt(first_bytes, '*');
  if (arguments == std::string_view::npos) return false;
  first_bytes.remove_prefix(arguments);
  // A file that is cut here is one all the same.
  return first_bytes.empty() || first_bytes.front() == '$';
}

bool EndsCommands(std::string_view last_bytes) {
  for (size_t at = 0; (at = last_bytes.find("\r\n$", at)) != std::string_view::npos; at += 2) {
    if (CountAt(last_bytes.substr(at + 2), '$') != std::string_view::npos) return true;
  }
  return last_bytes.ends_with("\r\n");
}

}  // namespace spawnd::engines::redis
