/// The real file system behind the seam, and what it says when the kernel fails it.
#include "base/file.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/scratch_directory.h"

namespace spawnd {
namespace {

using testing::WithFailingCall;
using Names = std::vector<std::string>;

void Touch(const std::string& path) {
  REQUIRE(PosixFileSystem().Open(path, OpenMode::kCreateNew));
}

/// "2 names", or the error.
std::string Counted(const Result<Names>& names) {
  return names ? std::to_string(names->size()) + " names" : names.error().message;
}

TEST_CASE("names in a directory are sorted, and only its own") {
  const ScratchDirectory scratch;
  CHECK(PosixFileSystem().List(scratch.Path()).value().empty());
  for (const char* name : {"b", ".hidden", "a"}) Touch(scratch / name);
  REQUIRE(PosixFileSystem().CreateDirectory(scratch / "folder"));
  Touch(scratch / "folder/inside");
  CHECK(PosixFileSystem().List(scratch.Path()).value() == Names{".hidden", "a", "b", "folder"});
}

TEST_CASE("what cannot be listed is an error that names it") {
  const ScratchDirectory scratch;
  Touch(scratch / "file");
  for (const char* name : {"missing", "file"}) {
    const auto names = PosixFileSystem().List(scratch / name);
    REQUIRE_FALSE(names);
    CHECK(names.error().code == ErrorCode::kNotFound);
    CHECK(names.error().message.find(scratch / name) != std::string::npos);
  }
}

TEST_CASE("a folder with too many entries is refused, one with just as many is not") {
  const ScratchDirectory scratch;
  for (const char* name : {"a", "b"}) Touch(scratch / name);
  const UniqueFd folder(::open(scratch.Path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK(NamesInFolder(folder.Get(), "folder", 2).value() == Names{"a", "b"});
  const auto refused = NamesInFolder(folder.Get(), "backup 'x'", 1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kInvalidArgument);
  CHECK(refused.error().message == "backup 'x' has more than 1 entries");
}

// readdir says "the end" and "it failed" alike. Whoever takes the second for the first believes that what it
// looks for is not there, and gives it up.
TEST_CASE("a directory that cannot be read to its end is no shorter directory") {
  const ScratchDirectory scratch;
  for (const char* name : {"a", "b"}) Touch(scratch / name);
  const auto list = [&] { return Counted(PosixFileSystem().List(scratch.Path())); };
  CHECK(list() == "2 names");
  CHECK(WithFailingCall(SYS_getdents64, EIO, list) ==
        "cannot list '" + scratch.Path() + "': Input/output error");
}

}  // namespace
}  // namespace spawnd
