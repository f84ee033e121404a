#include "engines/unpack/unpacked_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "engines/unpack/backup_head.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/restoring.h"

namespace spawnd::engines {
namespace {

using testing::Gzip;

Result<std::string> ReadAll(std::string_view packed, size_t piece) {
  const testing::TemporaryFolder folder;
  const UniqueFd fd(::open(folder.Write("x.gz", packed).c_str(), O_RDONLY | O_CLOEXEC));
  TRY_ASSIGN(const BackupHead head, ReadBackupHead(fd.Get(), "x.gz"));
  UnpackedFile file(fd.Get(), "x.gz", head.packing);
  std::string out;
  while (true) {
    TRY_ASSIGN(const std::string part, file.Read(piece));
    if (part.empty()) break;
    out += part;
  }
  CHECK(file.PackedBytes() == packed.size());
  CHECK(out.substr(0, kHeadBytes) == head.bytes);
  return out;
}

std::string Text() {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(i * 7919) + "\n";
  return text;
}

TEST_CASE("Packed in one member, in several, padded or empty, in pieces of any size") {
  const std::string text = Text();
  const std::string one = Gzip(text);
  const std::string several = Gzip("a") + Gzip("") + one;
  for (const size_t piece : {size_t{1}, size_t{13}, size_t{1} << 20U}) {
    CHECK(*ReadAll(one, piece) == text);
    CHECK(*ReadAll(several, piece) == "a" + text);
    CHECK(*ReadAll(one + std::string(100'000, '\0'), piece) == text);
    CHECK(ReadAll(Gzip(""), piece)->empty());
  }
  CHECK(*ReadAll("plain text", 3) == "plain text");
}

TEST_CASE("Much from little comes out whole") {
  const std::string zeros(8 << 20U, '\0');
  CHECK(*ReadAll(Gzip(zeros), 100'000) == zeros);
}

TEST_CASE("A cut at any byte is seen") {
  const std::string packed = Gzip("create table a (id int);\n");
  for (size_t cut = 2; cut < packed.size(); ++cut) {
    const auto out = ReadAll(packed.substr(0, cut), 1024);
    REQUIRE_FALSE(out.has_value());
    CHECK(out.error().message ==
          "'x.gz' is truncated: its gzip data ends early, at byte " + std::to_string(cut));
  }
}

TEST_CASE("A flipped byte is seen by the checksum at the latest") {
  const std::string packed = Gzip(Text());
  for (size_t at = 12; at < packed.size() - 4; at += packed.size() / 50) {
    std::string broken = packed;
    broken[at] = static_cast<char>(broken[at] ^ 0x10);
    const auto out = ReadAll(broken, 4096);
    INFO("byte " << at);
    REQUIRE_FALSE(out.has_value());
    CHECK(out.error().code == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("Other bytes behind the data are an error") {
  CHECK_FALSE(ReadAll(Gzip("a") + "tail", 1024).has_value());
  CHECK_FALSE(ReadAll(Gzip("a") + std::string("\0\0tail", 6), 1024).has_value());
}

}  // namespace
}  // namespace spawnd::engines
