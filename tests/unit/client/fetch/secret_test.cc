/// Where a password is read from, and how a tool gets it.
#include "client/fetch/secret.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

using namespace spawnd;
using namespace spawnd::client;
using Catch::Matchers::Contains;

namespace {

std::string InFile(const ScratchDirectory& scratch, const std::string& text) {
  std::ofstream(scratch / "password") << text;
  return scratch / "password";
}

std::string Content(int fd) {
  std::array<char, 8192> buffer{};
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  REQUIRE(n >= 0);
  return {buffer.data(), static_cast<size_t>(n)};
}

Error Refused(const SecretPlace& place) {
  const auto secret = ReadSecret(place);
  REQUIRE_FALSE(secret);
  return secret.error();
}

}  // namespace

TEST_CASE("secret: a file's one line, whatever its end") {
  const ScratchDirectory scratch;
  for (const char* text : {" a b ", " a b \n", " a b \r\n"}) {
    CHECK(ReadSecret({"", InFile(scratch, text), ""}).value() == " a b ");
  }
  CHECK(ReadSecret({"", InFile(scratch, std::string(kMaxSecretBytes, 'x')), ""}).value()->size() ==
        kMaxSecretBytes);
  CHECK_FALSE(ReadSecret({}).value());
}

TEST_CASE("secret: what is no password is said without what is in it") {
  const ScratchDirectory scratch;
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("hush\nhush\n"), std::string("hush\n\n"),
        std::string("hush\0", 5), std::string(kMaxSecretBytes + 1, 'x')}) {
    const Error error = Refused({"", InFile(scratch, text), ""});
    CHECK(error.code == ErrorCode::kInvalidArgument);
    CHECK_THAT(error.message,
               Contains("password file '" + (scratch / "password") + "'") && !Contains("hush"));
  }
  const Error missing = Refused({"", scratch / "nothing", ""});
  CHECK(missing.code == ErrorCode::kNotFound);
  CHECK_THAT(missing.message, Contains("nothing"));
}

TEST_CASE("secret: a pipe is not waited for, and a folder is none") {
  const ScratchDirectory scratch;
  const std::string pipe = scratch.Path() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& path : {pipe, scratch.Path()}) {
    const auto secret = ReadSecret({{}, path, {}});
    REQUIRE_FALSE(secret);
    CHECK(secret.error().code == ErrorCode::kInvalidArgument);
    CHECK_THAT(secret.error().message, Catch::Matchers::Contains("no regular file"));
  }
}

TEST_CASE("secret: a variable") {
  ::setenv("SPAWND_UNIT_SECRET", "tell", 1);
  CHECK(ReadSecret({"", "", "SPAWND_UNIT_SECRET"}).value() == "tell");
  ::unsetenv("SPAWND_UNIT_SECRET");
  const Error error = Refused({"", "", "SPAWND_UNIT_SECRET"});
  CHECK(error.code == ErrorCode::kNotFound);
  CHECK_THAT(error.message, Contains("SPAWND_UNIT_SECRET") && Contains("environment"));
}

TEST_CASE("secret: what is warned of") {
  const ScratchDirectory scratch;
  CHECK_THAT(SecretWarning({"hush", "", ""}), Contains("YAML") && !Contains("hush"));
  const std::string file = InFile(scratch, "hush\n");
  ::chmod(file.c_str(), 0640);
  CHECK(SecretWarning({"", file, ""}).empty());
  ::chmod(file.c_str(), 0644);
  CHECK_THAT(SecretWarning({"", file, ""}), Contains("chmod 600"));
  CHECK(SecretWarning({"", "", "NAME"}).empty());
}

TEST_CASE("secret: in a tool's own form, in memory, for the caller alone") {
  const api::FetchSecret form{"file", "*:*:", "\n", {{"\\", "\\\\"}, {":", "\\:"}}};
  auto file = SecretFile(form, "a:b\\c");
  REQUIRE(file);
  CHECK(Content(file->Get()) == "*:*:a\\:b\\\\c\n");
  struct stat st {};
  REQUIRE(::fstat(file->Get(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
  CHECK(st.st_nlink == 0);
  const auto unknown = SecretFile({"by post", "", "", {}}, "hush");
  REQUIRE_FALSE(unknown);
  CHECK_THAT(unknown.error().message, Contains("'by post'") && !Contains("hush"));
}
