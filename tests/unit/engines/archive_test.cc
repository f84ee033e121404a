/// Archives of several files, as the tools that people have write them.
#include "engines/unpack/archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "tests/support/catch.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines {
namespace {

using testing::TemporaryFolder;

class Kept final : public ArchiveSink {
 public:
  Result<void> Begin(std::string_view path, bool is_folder) override {
    at_ = &files[std::string(path)];
    if (is_folder) at_ = nullptr;
    return {};
  }
  Result<void> Write(std::string_view bytes) override {
    at_->append(bytes);
    return {};
  }
  std::map<std::string, std::string> files;

 private:
  std::string* at_ = nullptr;
};

/// What `command`, run where the files are, writes to "out".
Result<std::map<std::string, std::string>> Packed(const std::string& command, const UnpackLimit& limit = {}) {
  const TemporaryFolder folder;
  const std::string out = folder.Write("out", "");
  const std::string path = out.substr(0, out.rfind('/'));
  REQUIRE(std::system(("cd '" + path + "' && rm out && " + command).c_str()) == 0);
  const UniqueFd fd(::open(out.c_str(), O_RDONLY | O_CLOEXEC));
  TRY_ASSIGN(const auto packing, RecogniseArchive(fd.Get(), "x"));
  if (!packing) return std::map<std::string, std::string>();
  Kept kept;
  TRY(UnpackArchive(fd.Get(), "x", *packing, limit, kept));
  return kept.files;
}

constexpr const char* kFiles = "mkdir -p d/e && echo one >d/a && : >d/empty && seq 200000 >d/e/b && ";
const std::string kLongFolder(90, 'f');
const std::string kLongName(120, 'n');

void CheckFiles(const Result<std::map<std::string, std::string>>& packed) {
  INFO((packed ? "" : packed.error().message));
  REQUIRE(packed.has_value());
  auto files = *packed;
  CHECK(files["d/a"] == "one\n");
  CHECK(files.contains("d/empty"));
  CHECK(files["d/e/b"].size() == 1'288'895);
  CHECK(files["d/e/b"].ends_with("\n200000\n"));
}

TEST_CASE("Every file of an archive comes with its path, folders and empty ones too") {
  CheckFiles(Packed(std::string(kFiles) + "tar -cf out d"));
  CheckFiles(Packed(std::string(kFiles) + "tar --format=pax -czf out d"));
  CheckFiles(Packed(std::string(kFiles) + "tar --format=v7 -cf t d && tar --format=ustar -cJf out d"));
  CheckFiles(Packed(std::string(kFiles) + "zip -qr z d && mv z.zip out"));
  CheckFiles(Packed(std::string(kFiles) + "zip -qr0 z d && zip -q out.zip z.zip && mv out.zip out"));
  CheckFiles(Packed(std::string(kFiles) + "zip -qr -fz - d | cat >out"));
  CheckFiles(Packed(std::string(kFiles) + "tar -cf t d && zip -q z t && mv z.zip out"));
  CHECK(Packed(std::string(kFiles) + "tar -cf out d")->contains("d/e/"));
}

TEST_CASE("Paths longer than a header's field") {
  const std::string path = kLongFolder + "/" + kLongName;
  for (const char* format : {"gnu", "pax"}) {
    auto files = *Packed("mkdir " + kLongFolder + " && echo x >" + path +
                         " && echo y >y && tar --format=" + format + " -cf out " + path + " y");
    CHECK(files[path] == "x\n");
    CHECK(files["y"] == "y\n");
  }
}

TEST_CASE("Names of Windows") {
  auto files = *Packed(
      "printf 'import zipfile\\nz=zipfile.ZipFile(\"out\",\"w\")\\nfor n in (\"a\",\"b\"):\\n "
      "i=zipfile.ZipInfo(\"x\")\\n"
      " i.filename=\"d\\\\\\\\\"+n\\n z.writestr(i,n)\\nz.close()\\n' >p.py && python3 p.py");
  CHECK(files["d/a"] == "a");
  CHECK(files["d/b"] == "b");
}

TEST_CASE(
    "A directory of more than 64 KiB is read, so that a zip of thousands is known before it is unpacked") {
  auto files = *Packed("mkdir d && cd d && seq 3000 | xargs touch && cd .. && zip -qr z d && mv z.zip out");
  CHECK(files.size() == 3001);
}

TEST_CASE("One file is no archive of several, whatever lies beside it") {
  CHECK(Packed("echo a >a && tar -czf out a")->empty());
  CHECK(Packed("echo a >a && zip -q z a && mv z.zip out")->empty());
  CHECK(Packed("echo a >out")->empty());
  CHECK(Packed("echo a >a && echo b >._a && tar -cf out ._a a")->empty());
}

TEST_CASE("What cannot be unpacked is refused with its name") {
  const auto why = [](const std::string& command) { return Packed(command).error().message; };
  CHECK(why("echo a >a && ln -s a b && tar -cf out a b") == "'x' is a tar archive with a link in it, 'b'");
  CHECK(why("echo a >a && ln a b && tar -cf out a b") == "'x' is a tar archive with a link in it, 'b'");
  CHECK(why("echo a >a && mkfifo b && tar -cf out a b") ==
        "'x' is a tar archive with a device or pipe in it, 'b'");
  CHECK(why("echo a >a && truncate -s 10M b && tar --format=pax -Scf out a b") ==
        "'x' is a tar archive of a sparse file");
  CHECK(why("echo a >a && truncate -s 10M b && tar -Scf out a b") == "'x' is a tar archive of a sparse file");
}

TEST_CASE("All files together are limited") {
  const UnpackLimit limit{1'000'000, "a megabyte", "Raise it."};
  const auto out = Packed(std::string(kFiles) + "tar -czf out d", limit);
  CHECK(out.error().message == "'x' unpacks to more than a megabyte");
}

}  // namespace
}  // namespace spawnd::engines
