#include "engines/postgresql/parts/parts.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "engines/postgresql/dump/plain_text.h"
#include "engines/postgresql/parts/contents.h"
#include "engines/postgresql/parts/extensions.h"
#include "engines/postgresql/parts/plain_filter.h"
#include "engines/postgresql/parts/selection.h"
#include "engines/postgresql/restore/custom_walk.h"
#include "engines/unpack/unpacked_file.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr uint64_t kLookedThrough = uint64_t{256} << 20U;
constexpr size_t kReadBytes = 256 * 1024;

/// What is left out of a text, which it reads as what it says whatever its encoding.
class TextBefore {
 public:
  TextBefore(const std::string& name, const RestoreOptions& options)
      : warnings_(name), text_(name, warnings_), filter_(name, options) {}

  Result<std::string> Filter(std::string_view bytes, bool last) {
    TRY_ASSIGN(const std::string text, text_.Take(bytes, last));
    return filter_.Filter(text, last);
  }
  const PlainFilter& Parts() const { return filter_; }
  std::vector<std::string> Warnings() const {
    std::vector<std::string> all = warnings_.InOrder();
    for (std::string& warning : filter_.Warnings()) all.push_back(std::move(warning));
    return all;
  }

 private:
  RestoreWarnings warnings_;
  PlainText text_;
  PlainFilter filter_;
};

/// A session with something before it: a filter, the end of an archive, and warnings of its own.
class PartsSession final : public RestoreSession {
 public:
  PartsSession(std::unique_ptr<RestoreSession> inner, std::unique_ptr<TextBefore> filter)
      : inner_(std::move(inner)), filter_(std::move(filter)) {}
  PartsSession(std::unique_ptr<RestoreSession> inner, std::string name,
               const std::optional<CustomData>& custom, std::vector<std::string> warnings)
      : inner_(std::move(inner)), name_(std::move(name)), warnings_(std::move(warnings)) {
    if (custom) walk_.emplace(custom->first_block, custom->integer_size);
  }

  Result<std::string> FilterInput(std::string_view bytes, bool last) override {
    if (walk_) TRY(walk_->Take(bytes, last, name_));
    if (filter_ == nullptr) return inner_->FilterInput(bytes, last);
    TRY_ASSIGN(const std::string text, filter_->Filter(bytes, last));
    return inner_->FilterInput(text, last);
  }
  Result<void> OnToolMessage(std::string_view line) override {
    return Explained(inner_->OnToolMessage(line));
  }
  Result<void> OnToolExit(int exit_code) override { return Explained(inner_->OnToolExit(exit_code)); }
  uint64_t PassedOver() const override { return inner_->PassedOver(); }
  std::vector<std::string> Warnings() const override {
    std::vector<std::string> all = filter_ == nullptr ? warnings_ : filter_->Warnings();
    for (std::string& warning : inner_->Warnings()) all.push_back(std::move(warning));
    return all;
  }

 private:
  /// A tool that was built without what the archive is packed with says so, and not what to do.
  static Result<void> Explained(Result<void> result) {
    if (result || result.error().message.find("does not support compression") == std::string::npos)
      return result;
    result.error().code = ErrorCode::kUnsupported;
    result.error().hint =
        "Install a pg_restore that was built with it, e.g. `apt install postgresql-client-17` from "
        "apt.postgresql.org, or make the backup with `pg_dump --compress=gzip`.";
    return result;
  }

  const std::unique_ptr<RestoreSession> inner_;
  const std::unique_ptr<TextBefore> filter_;
  const std::string name_;
  std::optional<CustomWalk> walk_;
  const std::vector<std::string> warnings_;
};

bool IsOf(const RestoreStep& step, std::string_view tool) {
  const std::string& program = step.command.argv.front();
  return program == tool || program.ends_with("/" + std::string(tool));
}

/// One argument has 128 KiB at most, and all of them together about 2 MiB.
constexpr size_t kArgumentBytes = 96 * 1024;
constexpr size_t kMaxListBytes = size_t{1} << 20U;

/// Arguments: how many follow of the list, these, the command. /tmp is the tool's own. pg_restore stops
/// reading behind the last entry that it is to restore, and whoever feeds it would take that for its end.
constexpr const char* kWithList = R"sh(
list=/tmp/spawnd-list
parts=$1
shift
: >"$list"
while [ "$parts" -gt 0 ]; do printf '%s' "$1" >>"$list"; shift; parts=$((parts - 1)); done
"$@"
code=$?
cat >/dev/null
exit "$code"
)sh";

Result<void> GiveList(RestoreStep& step, const std::vector<int>& ids, const std::string& name) {
  std::vector<std::string> parts(1);
  size_t bytes = 0;
  for (const int id : ids) {
    const std::string line = std::to_string(id) + ";\n";
    if (parts.back().size() + line.size() > kArgumentBytes) parts.emplace_back();
    parts.back() += line;
    bytes += line.size();
  }
  if (bytes > kMaxListBytes) {
    return Fail(ErrorCode::kUnsupported, "'" + name + "' has too many objects to choose among");
  }
  std::vector<std::string>& argv = step.command.argv;
  argv.insert(argv.begin() + 1, "--use-list=/tmp/spawnd-list");
  std::vector<std::string> before{"/bin/sh", "-c", kWithList, "sh", std::to_string(parts.size())};
  before.insert(before.end(), parts.begin(), parts.end());
  argv.insert(argv.begin(), before.begin(), before.end());
  return {};
}

class Parts : public RecognisedBackup {
 public:
  Parts(const RestoreRequest& request, std::unique_ptr<RecognisedBackup> backup)
      : name_(request.backup_name), backup_(std::move(backup)) {}

  std::string Version() const override { return backup_->Version(); }
  bool IsPlaced() const override { return backup_->IsPlaced(); }
  bool TakesLogs() const override { return backup_->TakesLogs(); }

 protected:
  const std::string name_;
  const std::unique_ptr<RecognisedBackup> backup_;
};

/// What the user lets pass has an image without it.
bool LetsExtensionsPass(const RestoreOptions& options) {
  constexpr std::array<std::string_view, 3> kCodes{"0A000", "58P01", "22023"};
  return options.continue_on_error ||
         std::any_of(options.ignored_errors.begin(), options.ignored_errors.end(),
                     [&](const std::string& entry) {
                       const std::string words = UpperCase(entry);
                       return std::find(kCodes.begin(), kCodes.end(), words) != kCodes.end() ||
                              (words.size() > 6 && std::string_view("CREATE EXTENSION").starts_with(words)) ||
                              words.starts_with("CREATE EXTENSION");
                     });
}

/// From its last block on, where the archive says where that begins.
Result<void> CheckEnd(int fd, const std::string& name, const std::optional<CustomData>& custom) {
  constexpr uint64_t kMaxWalk = uint64_t{256} << 20U;
  constexpr size_t kPiece = 4096;
  if (!custom || !custom->last_block) return {};
  uint64_t at = std::max(*custom->last_block, custom->first_block);
  const uint64_t end = at + kMaxWalk;
  CustomWalk walk(0, custom->integer_size);
  std::string piece(kPiece, '\0');
  while (at < end) {
    const ssize_t size = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(at));
    // What cannot be read is for the tool to say.
    if (size < 0) return {};
    TRY(walk.Take({piece.data(), static_cast<size_t>(size)}, size == 0, name));
    if (size == 0) return {};
    at += static_cast<uint64_t>(size) + walk.Uninteresting();
    walk.Skip(walk.Uninteresting());
  }
  return {};
}

class ArchiveParts final : public Parts {
 public:
  ArchiveParts(const RestoreRequest& request, const Packing& packing,
               std::unique_ptr<RecognisedBackup> archive)
      : Parts(request, std::move(archive)), contents_(ReadContents(request, packing)) {
    // Several connections read it by themselves, so that nobody sees it stream by.
    if (contents_ && !packing.IsPacked() && request.folder == nullptr) {
      end_ = CheckEnd(request.backup_fd, name_, contents_->custom);
    }
  }

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    if (!end_) return Fail(end_.error());
    TRY_ASSIGN(RestorePlan plan, backup_->Plan(installation, target));
    const RestoreOptions& options = target.options;
    const bool chooses = options.TakesParts() || !options.skip_extensions.empty();
    if (!contents_) {
      if (!chooses) return Wrapped(std::move(plan), {});
      return Fail(ErrorCode::kInvalidArgument, "the table of contents of '" + name_ + "' cannot be read",
                  "Leave out the keys that take parts of it.");
    }
    std::vector<WantedExtension> wanted;
    for (const std::string& extension : contents_->Extensions()) wanted.push_back({extension});
    if (!LetsExtensionsPass(options)) {
      TRY(CheckExtensions(name_, wanted, options.skip_extensions, installation));
    }
    if (!chooses) return Wrapped(std::move(plan), {});
    TRY_ASSIGN(const Selection selection, SelectParts(*contents_, options, name_));
    std::vector<std::string> warnings;
    for (const std::string& warning : selection.warnings) warnings.push_back("'" + name_ + "': " + warning);
    plan = Wrapped(std::move(plan), std::move(warnings));
    for (RestoreStep& step : plan.steps) {
      if (IsOf(step, "pg_restore")) TRY(GiveList(step, selection.ids, name_));
    }
    return plan;
  }

 private:
  RestorePlan Wrapped(RestorePlan plan, std::vector<std::string> warnings) const {
    for (RestoreStep& step : plan.steps) {
      if (!IsOf(step, "pg_restore")) continue;
      const bool streams = contents_ && step.reads == ToolReads::kInput;
      step.session = std::make_unique<PartsSession>(std::exchange(step.session, nullptr), name_,
                                                    streams ? contents_->custom : std::nullopt,
                                                    std::exchange(warnings, {}));
    }
    return plan;
  }

  const std::optional<Contents> contents_;
  Result<void> end_;
};

class TextParts final : public Parts {
 public:
  TextParts(const RestoreRequest& request, std::vector<WantedExtension> wanted,
            std::unique_ptr<RecognisedBackup> text)
      : Parts(request, std::move(text)), wanted_(std::move(wanted)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    const RestoreOptions& options = target.options;
    if (!options.tables.empty() || !options.exclude_tables.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::string("`") + (options.tables.empty() ? "excludeTables" : "tables") +
                      "` takes parts of archives, and '" + name_ + "' is plain SQL",
                  "Make it with `pg_dump -Fc`. `excludeData` and `schemaOnly` are for plain SQL, too.");
    }
    if (!LetsExtensionsPass(options)) {
      TRY(CheckExtensions(name_, wanted_, options.skip_extensions, installation));
    }
    TRY_ASSIGN(RestorePlan plan, backup_->Plan(installation, target));
    if (options.skip_extensions.empty() && !options.TakesParts()) return plan;
    for (RestoreStep& step : plan.steps) {
      if (step.reads != ToolReads::kInput || !IsOf(step, "psql")) continue;
      step.session = std::make_unique<PartsSession>(std::exchange(step.session, nullptr),
                                                    std::make_unique<TextBefore>(name_, options));
    }
    return plan;
  }

 private:
  const std::vector<WantedExtension> wanted_;
};

}  // namespace

std::unique_ptr<RecognisedBackup> WithPartsOfArchive(const RestoreRequest& request, const Packing& packing,
                                                     std::unique_ptr<RecognisedBackup> archive) {
  return std::make_unique<ArchiveParts>(request, packing, std::move(archive));
}

TextFindings LookThrough(const RestoreRequest& request, const Packing& packing) {
  if (request.folder != nullptr) return {};
  UnpackedFile file(request.backup_fd, request.backup_name, packing);
  TextBefore text(request.backup_name, {});
  for (uint64_t seen = 0; seen < kLookedThrough;) {
    const auto bytes = file.Read(kReadBytes);
    if (!bytes || bytes->empty() || !text.Filter(*bytes, false)) break;
    seen += bytes->size();
  }
  return {text.Parts().Wanted(), text.Parts().Databases()};
}

std::unique_ptr<RecognisedBackup> WithPartsOfText(const RestoreRequest& request,
                                                  std::vector<WantedExtension> wanted,
                                                  std::unique_ptr<RecognisedBackup> text) {
  return std::make_unique<TextParts>(request, std::move(wanted), std::move(text));
}

}  // namespace spawnd::engines::postgresql
