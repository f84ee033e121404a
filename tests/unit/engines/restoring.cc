#include "tests/unit/engines/restoring.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <fstream>

#include "base/process.h"
#include "engines/unpack/unpacked_file.h"
#include "tests/support/catch.h"

namespace spawnd::engines::testing {
namespace {

/// In odd pieces, so that nothing may rest on where one ends.
constexpr size_t kPiece = 8191;

Result<std::string> FilterAll(const RestoreStep& step, const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  UnpackedFile file(fd.Get(), path, step.packing);
  std::string filtered;
  TRY_ASSIGN(std::string piece, file.Read(kPiece));
  for (bool last = false; !last;) {
    TRY_ASSIGN(std::string next, file.Read(kPiece));
    last = next.empty();
    TRY_ASSIGN(const std::string part, step.session->FilterInput(piece, last));
    filtered += part;
    piece = std::move(next);
  }
  return filtered;
}

Result<void> RunStep(RestoreStep& step, const std::string& path) {
  const TemporaryFolder folder;
  std::string input;
  if (step.reads == ToolReads::kInput) {
    TRY_ASSIGN(input, FilterAll(step, path));
  }
  const UniqueFd in(::open(folder.Write("in", input).c_str(), O_RDONLY | O_CLOEXEC));
  const std::string said = folder.Write("said", "");
  const UniqueFd out(::open(said.c_str(), O_WRONLY | O_CLOEXEC));
  SpawnOptions options;
  options.argv = step.command.argv;
  options.env = step.command.env;
  options.working_directory = step.command.working_directory;
  options.stdin_fd = in.Get();
  options.stderr_fd = out.Get();
  TRY_ASSIGN(const pid_t pid, Spawn(options));
  const int exit_code = WaitForExit(pid);
  std::ifstream lines(said);
  for (std::string line; std::getline(lines, line);) TRY(step.session->OnToolMessage(line));
  return step.session->OnToolExit(exit_code);
}

}  // namespace

Restored Restore(const TestServer& server, const std::string& path, const std::string& database) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(fd.Valid());
  RestoreRequest request;
  request.backup_name = path;
  request.backup_fd = fd.Get();
  Restored restored;
  const auto recognised = server.Product().Recognise(request);
  if (!recognised) {
    restored.result = Fail(recognised.error());
    return restored;
  }
  RestoreTarget target;
  target.database = database;
  target.endpoint = server.Address();
  target.credentials = server.Admin();
  target.paths.engine_root = server.Version().root;  // no container here
  auto plan = (*recognised)->Plan(server.Version(), target);
  if (!plan) {
    restored.result = Fail(plan.error());
    return restored;
  }
  for (RestoreStep& step : plan->steps) {
    restored.titles.push_back(step.title);
    restored.result = RunStep(step, path);
    for (const std::string& warning : step.session->Warnings()) restored.warnings.push_back(warning);
    if (!restored.result) break;
  }
  return restored;
}

std::string FreshDatabase(const TestServer& server) {
  static int number = 0;
  const std::string name = "Fresh " + std::to_string(++number);
  // One attempt has a second, which a busy machine may need for something else.
  auto session = server.Product().Probe(server.How());
  for (int i = 0; i < 30 && !session && session.error().code == ErrorCode::kUnavailable; ++i) {
    session = server.Product().Probe(server.How());
  }
  INFO((session ? "" : session.error().message));
  REQUIRE(session.has_value());
  REQUIRE((*session)->CreateDatabase(name).has_value());
  return name;
}

std::string Gzip(std::string_view bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace spawnd::engines::testing
