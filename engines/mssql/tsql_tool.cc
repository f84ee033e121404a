/// `spawnd-tsql`: what restores backups into SQL Server and runs scripts on it. Not for people: the daemon
/// starts it as the user who asked (restore_plan.cc), as it starts psql for another product. It is here
/// because Microsoft's own sqlcmd would have to be installed, and says which batch failed, not which line.
///
///   spawnd-tsql script HOST PORT DATABASE           runs standard input, batches separated by GO
///   spawnd-tsql restore HOST PORT FILE DATABASE     FILE as the server sees it; DATABASE '': as in the
///   backup
///
/// The password of sa is in kPasswordVariable. Standard error: "error CODE TEXT" and "hint TEXT" before exit
/// code 1, "note TEXT" for what the server says in passing.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "engines/mssql/batches.h"
#include "engines/mssql/credentials.h"
#include "engines/mssql/places.h"
#include "engines/mssql/tds_client.h"
#include "engines/mssql/tool_session.h"

namespace spawnd::engines::mssql {
namespace {

constexpr std::chrono::seconds kNoLimit{0};

std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

void Note(const ServerMessage& message) {
  std::fprintf(stderr, "note %s\n", OneLine(message.text).c_str());
}

Result<std::string> ReadScript() {
  std::string script;
  std::array<char, 65536> piece{};
  while (true) {
    const ssize_t n = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, "cannot read the script");
    if (n == 0) return script;
    script.append(piece.data(), static_cast<size_t>(n));
    if (script.size() > kMaxScriptBytes) {
      return Fail(ErrorCode::kInvalidArgument, "the script is larger than 256 MiB", "Split it into several.");
    }
  }
}

Result<void> RunScript(TdsClient& client, const std::string& database) {
  TRY_ASSIGN(const std::string script, ReadScript());
  TRY_ASSIGN(const std::vector<Batch> batches, SplitBatches(script));
  if (!database.empty()) TRY(client.Run("USE " + Identifier(database)));
  for (const Batch& batch : batches) {
    for (uint64_t i = 0; i < batch.times; ++i) TRY(client.Run(batch.sql, Note, batch.first_line));
  }
  return {};
}

Result<void> Restore(TdsClient& client, const std::string& file, std::string database) {
  TRY_ASSIGN(const Table header, client.Run(HeaderQuery(file)));
  TRY_ASSIGN(const std::string in_backup, ReadHeader(header));
  if (database.empty()) database = in_backup;
  TRY_ASSIGN(const Table list, client.Run(FileListQuery(file)));
  TRY_ASSIGN(const std::vector<BackupFile> files, ReadFileList(list));
  TRY_ASSIGN(const std::string sql,
             RestoreStatement(file, database, files, std::string(kDataPlace) + "/data"));
  TRY(client.Run(sql, Note));
  return {};
}

Result<void> Main(const std::vector<std::string>& words) {
  const char* password = std::getenv(kPasswordVariable);
  const bool script = words.size() == 4 && words[0] == "script";
  const bool restore = words.size() == 5 && words[0] == "restore";
  if (password == nullptr || (!script && !restore)) {
    return Fail(ErrorCode::kInvalidArgument, "spawnd-tsql is started by the daemon, not by hand");
  }
  const int port = std::atoi(words[2].c_str());
  if (port < 1 || port > 65535) return Fail(ErrorCode::kInvalidArgument, "'" + words[2] + "' is no port");
  TRY_ASSIGN(TdsClient client,
             TdsClient::Open({words[1], static_cast<uint16_t>(port)}, kAdministrator, password, kNoLimit));
  return script ? RunScript(client, words[3]) : Restore(client, words[3], words[4]);
}

}  // namespace
}  // namespace spawnd::engines::mssql

int main(int argc, char** argv) {
  const auto done = spawnd::engines::mssql::Main({argv + 1, argv + argc});
  if (done) return 0;
  std::fprintf(stderr, "error %s %s\n", std::string(spawnd::ErrorCodeName(done.error().code)).c_str(),
               spawnd::engines::mssql::OneLine(done.error().message).c_str());
  if (!done.error().hint.empty()) std::fprintf(stderr, "hint %s\n", done.error().hint.c_str());
  return 1;
}
