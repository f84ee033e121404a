#include "tests/bench/context.h"

#include <fmt/core.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tests/bench/row.h"
#include "tests/bench/stopwatch.h"

namespace spawnd::bench {

Result<PrivateDaemon*> Context::Daemon() {
  if (!daemon_) {
    TRY_ASSIGN(daemon_, PrivateDaemon::Start(spawnd_));
  }
  return daemon_.get();
}

Result<PgbenchImage*> Context::Pgbench() {
  if (!pgbench_) {
    TRY_ASSIGN(PgbenchImage made, MakePgbench());
    pgbench_ = std::move(made);
  }
  return &*pgbench_;
}

Result<std::string> Context::Scratch(const std::string& name) {
  TRY_ASSIGN(PrivateDaemon* const daemon, Daemon());
  const std::string folder = daemon->Directory() + "/native";
  const passwd* user = ::getpwnam("spawnd");
  if (user == nullptr) return Fail(ErrorCode::kNotFound, "there is no user spawnd", "./dev setup");
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return FailErrno(errno, "cannot make " + folder);
  if (::chown(folder.c_str(), user->pw_uid, user->pw_gid) != 0) return FailErrno(errno, folder);
  if (::chmod(daemon->Directory().c_str(), 0755) != 0) return FailErrno(errno, daemon->Directory());
  return folder + "/" + name;
}

Result<PgbenchImage> Context::MakePgbench() {
  PgbenchImage made;
  TRY_ASSIGN(PrivateDaemon* const daemon, Daemon());
  TRY_ASSIGN(const std::string source_directory, Scratch("source"));
  Say(fmt::format("pgbench's tables, scale {}: making, dumping", kScale));
  TRY_ASSIGN(const auto source, NativeServer::Initialise(source_directory));
  TRY(source->Start());
  TRY(Query(source->Url(), "CREATE DATABASE bench").map([](const std::string&) {}));
  TRY(RunProgram({"pgbench", "-i", "-q", "-s", std::to_string(kScale), source->Url("bench")})
          .map([](const std::string&) {}));
  TRY_ASSIGN(const std::string dump, Scratch("bench.dump"));
  TRY(RunProgram({"pg_dump", "--format=custom", "--compress=1", "--file=" + dump, source->Url("bench")})
          .map([](const std::string&) {}));

  Say("pg_restore into a native server, then the same file into an image");
  TRY(Query(source->Url(), "CREATE DATABASE restored").map([](const std::string&) {}));
  const Stopwatch restore;
  TRY(RunProgram({"pg_restore", "--no-owner", "--dbname=" + source->Url("restored"), dump})
          .map([](const std::string&) {}));
  made.restore_seconds = restore.Seconds();
  TRY(RunProgram({"vacuumdb", "--quiet", "--analyze", "--dbname=" + source->Url("restored")})
          .map([](const std::string&) {}));
  TRY(Query(source->Url(), "CHECKPOINT").map([](const std::string&) {}));
  made.native_seconds = restore.Seconds();
  TRY(source->Stop());
  // What the native side does not count either: initdb. Once for each version, then every image starts from
  // it.
  TRY_ASSIGN(const api::DataContainer empty, daemon->CreateContainer("postgres-empty"));
  TRY(daemon->DeleteContainer(empty.name));
  const Stopwatch build;
  TRY_ASSIGN(made.image, daemon->CreateImageOf(kPgbenchImage, dump, "bench"));
  made.build_seconds = build.Seconds();

  TRY_ASSIGN(const api::DataContainer container, daemon->CreateContainer(kPgbenchImage));
  TRY_ASSIGN(const std::string copy, Scratch("image"));
  TRY_ASSIGN(made.native, NativeServer::CopyOf(container.url, copy));
  TRY(daemon->DeleteContainer(container.name));
  ::unlink(dump.c_str());
  return made;
}

}  // namespace spawnd::bench
