/// spawnctl opens what a YAML names, and says itself what cannot be opened.
#include "client/yaml/open_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

using namespace spawnd::client;
using spawnd::ErrorCode;
using spawnd::UniqueFd;

namespace {

std::string Content(int fd) {
  std::string text(64, '\0');
  const ssize_t n = ::read(fd, text.data(), text.size());
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

NamedFile Named(const std::string& path) {
  return {path, path.substr(path.rfind('/') + 1), "x.yaml, line 4: cannot open backup '" + path + "'"};
}

/// Standard input of this process, put back at the end.
class Input {
 public:
  explicit Input(int fd) : before_(::dup(STDIN_FILENO)) { REQUIRE(::dup2(fd, STDIN_FILENO) >= 0); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() { ::dup2(before_.Get(), STDIN_FILENO); }

 private:
  const UniqueFd before_;
};

}  // namespace

TEST_CASE("what a YAML names goes along open, each at its place") {
  const spawnd::ScratchDirectory scratch;
  std::ofstream(scratch / "x.sql") << "content";
  REQUIRE(::mkdir((scratch / "sql").c_str(), 0700) == 0);
  ImageDescription image;
  image.backups = {Named(scratch / "x.sql"), Named(scratch / "sql")};
  image.scripts_folders = {Named(scratch / "sql")};
  const auto files = OpenFiles(image);
  REQUIRE(files);
  REQUIRE(files->size() == 3);
  CHECK(Content((*files)[0].Get()) == "content");
  REQUIRE(image.request.backups.size() == 2);
  CHECK(image.request.backups[0].name == "x.sql");
  CHECK(image.request.backups[0].descriptor == 0U);
  CHECK(image.request.backups[1].descriptor == 1U);
  CHECK(image.request.scripts_folders[0].descriptor == 2U);
  CHECK((::fcntl((*files)[0].Get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("what cannot be opened is named with its place and the reason") {
  const spawnd::ScratchDirectory scratch;
  const auto refused = [](const std::string& path, bool scripts) {
    ImageDescription image;
    (scripts ? image.scripts_folders : image.backups) = {Named(path)};
    const auto files = OpenFiles(image);
    REQUIRE_FALSE(files);
    return files.error();
  };
  std::ofstream(scratch / "x.sql") << "content";
  CHECK(refused(scratch / "none", false).code == ErrorCode::kNotFound);
  CHECK(refused(scratch / "none", false).message ==
        "x.yaml, line 4: cannot open backup '" + (scratch / "none") + "': No such file or directory");
  CHECK(refused("/dev/zero", false).message ==
        "x.yaml, line 4: cannot open backup '/dev/zero': it is a device");
  CHECK(refused(scratch / "x.sql", true).message ==
        "x.yaml, line 4: cannot open backup '" + (scratch / "x.sql") + "': it is a file");
  ImageDescription many;
  many.backups.assign(65, Named(scratch / "x.sql"));
  CHECK(OpenFiles(many).error().message.ends_with("there are more than 64"));
}

TEST_CASE("a FIFO is waited for until somebody writes to it") {
  const spawnd::ScratchDirectory scratch;
  const std::string path = scratch / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::thread writer([&path] { std::ofstream(path) << "late"; });
  ImageDescription image;
  image.backups = {Named(path)};
  const auto files = OpenFiles(image);
  REQUIRE(files);
  CHECK(Content(files->front().Get()) == "late");
  writer.join();
}

TEST_CASE("standard input is a pipe or a whole file") {
  const spawnd::ScratchDirectory scratch;
  std::ofstream(scratch / "x.sql") << "content";
  ImageDescription image;
  image.backups = {{"", "standard input", "x.yaml, line 4: cannot open backup '-'"}};
  const UniqueFd file(::open((scratch / "x.sql").c_str(), O_RDONLY | O_CLOEXEC));
  {
    const Input input(file.Get());
    const auto files = OpenFiles(image);
    REQUIRE(files);
    CHECK(files->front().Get() > STDERR_FILENO);
    REQUIRE(::lseek(file.Get(), 1, SEEK_SET) == 1);
    CHECK(OpenFiles(image).error().message.ends_with("standard input is a file that somebody has read from"));
  }
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  REQUIRE(::write(write_end.Get(), "piped", 5) == 5);
  {
    const Input input(read_end.Get());
    const auto files = OpenFiles(image);
    REQUIRE(files);
    CHECK(Content(files->front().Get()) == "piped");
  }
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Input input(null.Get());
  CHECK(OpenFiles(image).error().message.ends_with("it is a device"));
}
