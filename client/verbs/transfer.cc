/// export and import of data images: files and pipes of any size, from and to the daemon.
#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "api/export_head.h"
#include "api/image_reference.h"
#include "api/json.h"
#include "base/descriptors.h"
#include "base/percent_encode.h"
#include "client/output/last_words.h"
#include "client/output/progress_display.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

constexpr std::string_view kImportsPath = "/v1/imports";
constexpr size_t kPieceBytes = size_t{256} << 10U;
/// Of what is in a file already, so much of its end is compared before it is gone on with.
constexpr uint64_t kOverlapBytes = uint64_t{8} << 20U;

/// Fills `buffer` as far as the file has something.
Result<size_t> ReadFully(int fd, std::span<char> buffer, const std::string& name) {
  size_t got = 0;
  while (got < buffer.size()) {
    const ssize_t count = ::read(fd, buffer.data() + got, buffer.size() - got);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno(errno, fmt::format("cannot read {}", name));
    if (count == 0) break;
    got += static_cast<size_t>(count);
  }
  return got;
}

Result<std::string> ReadText(int fd, size_t bytes, const std::string& name) {
  std::string text(bytes, '\0');
  TRY_ASSIGN(const size_t got, ReadFully(fd, text, name));
  text.resize(got);
  return text;
}

// Export.

/// Where an export goes, and what it says of it. A file is opened when its first bytes are here: an image
/// that is not there leaves one alone.
class ExportTarget {
 public:
  /// `path` empty: standard output.
  ExportTarget(std::string path, ProgressDisplay& display)
      : fd_(path.empty() ? STDOUT_FILENO : -1), path_(std::move(path)), display_(display) {}

  /// Goes on with a file that has `offset` of `total` bytes.
  Result<void> GoOn(UniqueFd file, uint64_t offset, uint64_t total) {
    opened_ = std::move(file);
    fd_ = opened_.Get();
    offset_ = offset;
    total_ = total;
    if (::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0) return FailErrno(errno, CannotWrite());
    return {};
  }

  Result<void> Take(std::string_view bytes) {
    if (fd_ < 0) TRY(Open());
    if (const int error = WriteAll(fd_, bytes); error != 0) return FailErrno(error, CannotWrite());
    offset_ += bytes.size();
    if (total_ == 0) LookAtHead(bytes);
    display_.Show({"exporting", static_cast<int64_t>(offset_), static_cast<int64_t>(total_), ""});
    return {};
  }
  uint64_t Offset() const { return offset_; }
  bool Complete() const { return total_ != 0 && offset_ == total_; }
  const std::string& Path() const { return path_; }

 private:
  Result<void> Open() {
    // What is in an image may be nobody else's business.
    opened_ = UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!opened_.Valid()) return FailErrno(errno, fmt::format("cannot open '{}'", path_));
    fd_ = opened_.Get();
    return {};
  }

  std::string CannotWrite() const {
    return path_.empty() ? "cannot write standard output" : fmt::format("cannot write '{}'", path_);
  }

  void LookAtHead(std::string_view bytes) {
    head_ += bytes.substr(0, api::kExportHeaderBytes - head_.size());
    if (head_.size() < api::kExportHeaderBytes) return;
    if (const auto sizes = api::ReadExportHeader(head_)) total_ = sizes->file_bytes;
  }

  int fd_;
  UniqueFd opened_;
  const std::string path_;
  uint64_t offset_ = 0;
  uint64_t total_ = 0;  ///< 0: not known yet
  std::string head_;
  ProgressDisplay& display_;
};

std::string ExportPath(const std::string& ref, uint64_t offset) {
  return fmt::format("{}/export?offset={}", DaemonClient::Target(kImagesPath, ref), offset);
}

/// `bytes` of the export from `offset` on.
Result<std::string> Fetch(const DaemonClient& daemon, const std::string& ref, uint64_t offset, size_t bytes) {
  std::string text;
  TRY(daemon.GetText(
      fmt::format("{}&bytes={}", ExportPath(ref, offset), bytes),
      [&text](std::string_view piece) -> Result<void> {
        text += piece;
        return {};
      },
      -1));
  if (text.size() == bytes) return text;
  return Fail(ErrorCode::kUnavailable, "the export ended before its end");
}

Error NotItsBeginning(const std::string& path) {
  return {ErrorCode::kInvalidArgument, fmt::format("'{}' is not the beginning of this export", path),
          "The image is another one, or was renamed since. Leave --resume out to write the file anew."};
}

struct Resumed {
  uint64_t offset = 0;  ///< 0: from the beginning
  uint64_t total = 0;
};

/// Compares what is in the file with what it should be: its head, which names the image's layers and vouches
/// for them, and its end.
Result<Resumed> CheckBeginning(const DaemonClient& daemon, const std::string& ref, int fd,
                               const std::string& path) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return FailErrno(errno, fmt::format("cannot read '{}'", path));
  const auto size = static_cast<uint64_t>(st.st_size);
  if (size < api::kExportHeaderBytes) return Resumed{};
  TRY_ASSIGN(const std::string header, Fetch(daemon, ref, 0, api::kExportHeaderBytes));
  TRY_ASSIGN(const api::ExportHeadSizes sizes, api::ReadExportHeader(header));
  if (size > sizes.file_bytes) return Fail(NotItsBeginning(path));
  const size_t head_bytes = std::min<uint64_t>(size, sizes.head_bytes);
  TRY_ASSIGN(const std::string head, Fetch(daemon, ref, 0, head_bytes));
  const uint64_t overlap = std::min(kOverlapBytes, size - head_bytes);
  TRY_ASSIGN(const std::string end,
             overlap == 0 ? Result<std::string>(std::string()) : Fetch(daemon, ref, size - overlap, overlap));
  std::string in_file(std::max(head.size(), end.size()), '\0');
  const auto same = [&](const std::string& wanted, uint64_t at) -> Result<bool> {
    const ssize_t got = ::pread(fd, in_file.data(), wanted.size(), static_cast<off_t>(at));
    if (got < 0) return FailErrno(errno, fmt::format("cannot read '{}'", path));
    return std::string_view(in_file).substr(0, static_cast<size_t>(got)) == wanted;
  };
  TRY_ASSIGN(const bool head_is_same, same(head, 0));
  TRY_ASSIGN(const bool end_is_same, same(end, size - overlap));
  if (!head_is_same || !end_is_same) return Fail(NotItsBeginning(path));
  return Resumed{size, sizes.file_bytes};
}

Error Interrupted(Error error, const ExportTarget& target) {
  if (target.Path().empty() || target.Offset() == 0) return error;
  return {error.code,
          fmt::format("{} ('{}' has {} bytes of it)", error.message, OneLine(target.Path()), target.Offset()),
          "The same command with --resume goes on from there."};
}

/// Finds out how far the file is, and whether it is this image's.
Result<void> Resume(const DaemonClient& daemon, const std::string& ref, ExportTarget& target) {
  UniqueFd file(::open(target.Path().c_str(), O_RDWR | O_CLOEXEC));
  if (!file.Valid() && errno == ENOENT) return {};  // then from the beginning
  if (!file.Valid()) return FailErrno(errno, fmt::format("cannot open '{}'", target.Path()));
  TRY_ASSIGN(const Resumed from, CheckBeginning(daemon, ref, file.Get(), target.Path()));
  return from.offset == 0 ? Result<void>() : target.GoOn(std::move(file), from.offset, from.total);
}

Result<int> ExportDataImage(const Invocation& invocation) {
  const std::string& ref = invocation.Arguments().front();
  TRY(api::ParseImageReference(ref));
  std::string path = invocation.Text("--output");
  if (path == "-") path.clear();
  if (path.empty() && invocation.Has("--resume")) {
    return Fail(ErrorCode::kInvalidArgument, "--resume goes on with a file, and none is named",
                "Name it: --output <file>.");
  }
  if (path.empty() && OutputIsTerminal()) {
    return Fail(ErrorCode::kInvalidArgument, "an exported image is nothing for a terminal",
                "Redirect it, or name a file: --output <file>.");
  }
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  ProgressDisplay display = DisplayFor(invocation);
  ExportTarget target(path, display);
  if (invocation.Has("--resume")) TRY(Resume(daemon, ref, target));
  if (target.Complete()) return 0;  // all of it was there
  auto got = daemon.GetText(
      ExportPath(ref, target.Offset()), [&target](std::string_view bytes) { return target.Take(bytes); }, -1);
  display.Clear();
  if (!got) return Fail(Interrupted(std::move(got.error()), target));
  if (target.Complete()) return 0;
  return Fail(Interrupted({ErrorCode::kUnavailable, "the export ended before its end"}, target));
}

// Import.

/// The file or pipe that is given.
struct ImportSource {
  UniqueFd opened;  ///< unless it is standard input
  int fd = STDIN_FILENO;
  std::string name = "standard input";
  std::string head;
  uint64_t file_bytes = 0;
  uint64_t position = 0;
};

Error CutOff(const ImportSource& source) {
  return {
      ErrorCode::kInvalidArgument,
      fmt::format("{} ends at byte {} of {}", source.name, source.position, source.file_bytes),
      "It was not exported or copied to its end: 'spawnctl export data-image --resume' goes on with a file."};
}

Result<ImportSource> OpenSource(const std::string& path) {
  ImportSource source;
  if (path != "-") {
    source.opened = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source.opened.Valid()) return FailErrno(errno, fmt::format("cannot open '{}'", path));
    source.fd = source.opened.Get();
    source.name = fmt::format("'{}'", OneLine(path));
  } else if (::isatty(STDIN_FILENO) != 0) {
    return Fail(ErrorCode::kInvalidArgument, "an exported image is nothing that one types",
                "Redirect standard input, or name a file.");
  }
  TRY_ASSIGN(source.head, ReadText(source.fd, api::kExportHeaderBytes, source.name));
  if (source.head.empty()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is empty", source.name),
                "See what the command before the pipe said, or that made the file.");
  }
  const auto sizes = api::ReadExportHeader(source.head);
  if (!sizes) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is no exported data image", source.name),
                sizes.error().hint);
  }
  source.file_bytes = sizes->file_bytes;
  TRY_ASSIGN(const std::string rest,
             ReadText(source.fd, sizes->head_bytes - source.head.size(), source.name));
  source.head += rest;
  source.position = source.head.size();
  if (source.head.size() != sizes->head_bytes) return Fail(CutOff(source));
  return source;
}

/// To `offset`: by a seek, or by reading and dropping.
Result<void> Advance(ImportSource& source, uint64_t offset) {
  if (::lseek(source.fd, static_cast<off_t>(offset - source.position), SEEK_CUR) >= 0) {
    source.position = offset;
    return {};
  }
  std::string buffer(kPieceBytes, '\0');
  while (source.position < offset) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), offset - source.position);
    TRY_ASSIGN(const size_t got, ReadFully(source.fd, std::span(buffer).first(wanted), source.name));
    source.position += got;
    if (got < wanted) return Fail(CutOff(source));
  }
  return {};
}

Error GoesOn(Error error) {
  const bool later = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kNoSpace;
  if (later)
    error.hint += (error.hint.empty() ? "" : " ") + std::string("The same command goes on from there.");
  return error;
}

/// Sends what is missing.
Result<api::Import> SendRest(const DaemonClient& daemon, ImportSource& source, const api::Import& import,
                             ProgressDisplay& display) {
  TRY(Advance(source, static_cast<uint64_t>(import.offset)));
  std::string buffer(kPieceBytes, '\0');
  const auto next = [&]() -> Result<std::string_view> {
    const size_t wanted = std::min<uint64_t>(buffer.size(), source.file_bytes - source.position);
    TRY_ASSIGN(const size_t got, ReadFully(source.fd, std::span(buffer).first(wanted), source.name));
    source.position += got;
    if (got < wanted) return Fail(CutOff(source));
    display.Show(
        {"importing", static_cast<int64_t>(source.position), static_cast<int64_t>(source.file_bytes), ""});
    return std::string_view(buffer).substr(0, got);
  };
  const std::string target = fmt::format("{}/{}?offset={}", kImportsPath, import.id, import.offset);
  auto answer = daemon.Upload(target, source.file_bytes - source.position, next);
  if (!answer) return Fail(GoesOn(std::move(answer.error())));
  return api::FromJson<api::Import>(*answer);
}

Result<void> ExpectEnd(ImportSource& source) {
  char more = 0;
  TRY_ASSIGN(const size_t got, ReadFully(source.fd, {&more, 1}, source.name));
  if (got == 0) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{} goes on behind the end of the exported image", source.name));
}

/// With what is wanted of the image: what is wrong with that is said before anything is sent.
std::string BeginPath(const api::ImportDataImageRequest& wanted) {
  return fmt::format("{}?name={}&tags={}&teams={}", kImportsPath, PercentEncode(wanted.name),
                     PercentEncode(fmt::format("{}", fmt::join(wanted.tags, ","))),
                     PercentEncode(fmt::format("{}", fmt::join(wanted.teams, ","))));
}

Result<api::Import> SendFile(const Invocation& invocation, const std::string& path,
                             const api::ImportDataImageRequest& wanted) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(ImportSource source, OpenSource(path));
  TRY_ASSIGN(const std::string begun, daemon.Post(BeginPath(wanted), source.head));
  TRY_ASSIGN(const api::Import import, api::FromJson<api::Import>(begun));
  ProgressDisplay display = DisplayFor(invocation);
  const LastWords words(path == "-"
                            ? "interrupted: nothing is imported; the daemon keeps what it has got for a day\n"
                            : "interrupted: nothing is imported; the same command goes on where it was\n");
  auto sent = SendRest(daemon, source, import, display);
  display.Clear();
  if (sent) TRY(ExpectEnd(source));
  return sent;
}

Result<int> ImportDataImage(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  api::ImportDataImageRequest request;
  request.name = invocation.Text("--name");
  if (!request.name.empty()) TRY(api::ValidateName(request.name, "data image"));
  request.tags = invocation.List("--tag");
  for (const std::string& tag : request.tags) TRY(api::ValidateTag(tag));
  request.teams = invocation.List("--team");
  for (const std::string& team : request.teams) TRY(api::ValidateTeam(team));
  TRY_ASSIGN(const auto lifetime, LifetimeOf(invocation));
  request.lifetime_seconds = lifetime.value_or(0);
  TRY_ASSIGN(const api::Import import, SendFile(invocation, invocation.Arguments().front(), request));
  request.import = import.id;
  const std::string name = request.name.empty() ? import.name : request.name;
  TRY_ASSIGN(const Created created,
             CreateWithProgress(invocation, fmt::format("{}/import", kImagesPath), api::ToJson(request),
                                fmt::format("data image '{}'", OneLine(name))));
  return ShowCreatedImage(invocation, output, created, "imported");
}

constexpr std::array<Flag, 4> kExportFlags{{
    {"--output", "-o", "<file>", "write to this file; without it, or as -, to standard output"},
    {"--resume", "", "", "go on with the file that an interrupted export left"},
    kSilentFlag,
    kProgressFlag,
}};
constexpr std::array<Flag, 8> kImportFlags{{
    {"--name", "-n", "<name>", "another name than the file's"},
    {"--tag", "", "<tag>", "one more tag; repeatable", true},
    {"--team", "", "<team>", "one more team that sees it; repeatable", true},
    kLifetimeFlag,
    kQuietFlag,
    kImageOutputFlag,
    kFormatFlag,
    kProgressFlag,
}};

constexpr std::string_view kExportExamples =
    "  spawnctl export data-image shop -o shop.image\n"
    "  spawnctl export data-image shop:latest | ssh elsewhere spawnctl import data-image -\n";
constexpr std::string_view kImportExamples =
    "  spawnctl import data-image shop.image --tag latest\n"
    "  spawnctl import data-image - --name shop-copy <shop.image\n";

constexpr std::array<Command, 2> kRows{{
    {"export", "data-image", "<image>", 1, 1, "Write a data image to a file, for another machine",
     kExportExamples, kExportFlags, ExportDataImage},
    {"import", "data-image", "<file>", 1, 1,
     "Make a data image of a file that was exported; - reads standard input", kImportExamples, kImportFlags,
     ImportDataImage},
}};

}  // namespace

std::span<const Command> TransferCommands() {
  return kRows;
}

}  // namespace spawnd::client
