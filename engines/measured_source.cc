#include "engines/measured_source.h"

#include <charconv>
#include <memory>
#include <utility>

#include "engines/source_session.h"

namespace spawnd::engines {
namespace {

/// What the script says when a folder is too large: these words and its bytes.
constexpr std::string_view kTooLarge = "spawnd: too large: ";

/// As tar counts, links followed: of a file with holes, all of it is placed.
constexpr const char* kMeasure = R"sh(
volume=$1 folder=$2
shift 2
if [ "$volume" -gt 0 ]; then
  bytes=$(du -sLB1 --apparent-size -- "$folder" 2>/dev/null | cut -f1)
  if [ "${bytes:-0}" -gt "$volume" ]; then echo "spawnd: too large: $bytes" >&2; exit 1; fi
fi
exec /bin/tar -C "$folder" -c "$@" -- .
)sh";

/// "400 MiB": enough of a number to choose a volume by.
std::string Size(uint64_t bytes) {
  constexpr uint64_t kMebi = uint64_t{1} << 20U;
  constexpr uint64_t kGibi = uint64_t{1} << 30U;
  if (bytes >= 10 * kGibi) return std::to_string((bytes + kGibi - 1) / kGibi) + " GiB";
  return std::to_string((bytes + kMebi - 1) / kMebi) + " MiB";
}

class MeasuredSession final : public SourceSession {
 public:
  MeasuredSession(const std::string& backup_name, uint64_t volume_bytes)
      : SourceSession(backup_name), name_(backup_name), volume_bytes_(volume_bytes) {}

  Result<void> OnToolMessage(std::string_view line) override {
    if (!line.starts_with(kTooLarge)) return SourceSession::OnToolMessage(line);
    line.remove_prefix(kTooLarge.size());
    uint64_t bytes = 0;
    std::from_chars(line.data(), line.data() + line.size(), bytes);
    return CheckFits(name_, bytes, volume_bytes_);
  }

 private:
  const std::string name_;
  const uint64_t volume_bytes_;
};

}  // namespace

Result<void> CheckFits(const std::string& backup_name, uint64_t bytes, uint64_t volume_bytes) {
  if (bytes == 0 || volume_bytes == 0 || bytes <= volume_bytes) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "'" + backup_name + "' has " + Size(bytes) + ", and the volume of an image takes " + Size(volume_bytes),
      "Raise `volumeSize` in the daemon's configuration (spawnd.yaml).");
}

RestoreStep PassOnFolder(const std::string& backup_name, std::vector<std::string> options,
                         uint64_t volume_bytes) {
  RestoreStep step = PassOnBackup(backup_name, {});
  step.command.argv = {"/bin/sh", "-c", kMeasure, "sh", std::to_string(volume_bytes), kBackupFolder};
  step.command.argv.insert(step.command.argv.end(), options.begin(), options.end());
  step.reads = ToolReads::kBackup;
  step.session = std::make_unique<MeasuredSession>(backup_name, volume_bytes);
  return step;
}

}  // namespace spawnd::engines
