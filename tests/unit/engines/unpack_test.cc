/// Every format that backups are packed in, as its own tool writes it.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "engines/unpack/backup_head.h"
#include "engines/unpack/unpacked_file.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines {
namespace {

using testing::TemporaryFolder;

std::string Run(const TemporaryFolder& folder, const std::string& command) {
  const std::string out = folder.Write("out", "");
  REQUIRE(std::system(("cd '" + out.substr(0, out.rfind('/')) + "' && (" + command + ") >out").c_str()) == 0);
  std::ifstream file(out, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What `command` makes of `text`, which is its standard input and the file shop.sql.
std::string Pack(const std::string& command, std::string_view text) {
  const TemporaryFolder folder;
  folder.Write("shop.sql", text);
  return Run(folder, "{ " + command + "; } <shop.sql");
}

Result<std::string> Unpack(std::string_view packed, const UnpackLimit& limit = {}) {
  const TemporaryFolder folder;
  const UniqueFd fd(::open(folder.Write("x", packed).c_str(), O_RDONLY | O_CLOEXEC));
  TRY_ASSIGN(BackupHead head, ReadBackupHead(fd.Get(), "x"));
  if (IsTar(head.bytes)) {
    TRY_ASSIGN(head, ReadHeadInTar(fd.Get(), "x", head));
  }
  UnpackedFile file(fd.Get(), "x", head.packing, limit);
  std::string out;
  while (true) {
    TRY_ASSIGN(const std::string part, file.Read(100'000));
    if (part.empty()) break;
    out += part;
  }
  CHECK(out.substr(0, kHeadBytes) == head.bytes);
  return out;
}

std::string WhyNot(std::string_view packed, const UnpackLimit& limit = {}) {
  const auto out = Unpack(packed, limit);
  if (out) return "it is unpacked";
  CHECK_FALSE(out.error().hint.empty());
  return out.error().message + " / " + out.error().hint;
}

bool Says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// More than any buffer, of little that repeats.
std::string Text() {
  std::string text;
  for (uint64_t i = 1; i <= 60'000; ++i) text += std::to_string(i * 2654435761U % 1000003U) + "\n";
  return text;
}

struct Format {
  std::string name;
  std::string command;
};
const std::vector<Format> kFormats{
    {"gzip", "gzip"},
    {"zstd", "zstd"},
    {"zstd", "zstd --no-check --fast"},
    {"xz", "xz"},
    {"xz", "xz -0 --check=none"},
    {"bzip2", "bzip2"},
    {"lz4", "lz4 -q"},
    {"lz4", "lz4 -q -BD --content-size"},
    {"lz4", "lz4 -q -l"},
    {"zip", "zip -q - -"},
    {"zip", "(zip -q a.zip shop.sql && cat a.zip)"},
    {"zip", "(zip -q -0 -fz a.zip shop.sql && cat a.zip)"},
    {"zip", "(zip -q -Z bzip2 -z a.zip shop.sql </dev/null && cat a.zip)"},
    {"tar", "tar -c shop.sql"},
    {"tar", "tar -c --format=pax ./shop.sql"},
};

TEST_CASE("What each tool packs is unpacked") {
  const std::string text = Text();
  for (const Format& format : kFormats) {
    INFO(format.command);
    const auto unpacked = Unpack(Pack(format.command, text));
    INFO((unpacked ? "" : unpacked.error().message));
    REQUIRE(unpacked.has_value());
    CHECK(*unpacked == text);
  }
}

TEST_CASE("Several members in a row are one text, frames to be skipped and padding are passed over") {
  for (const Format& format : kFormats) {
    if (format.name == "zip" || format.name == "tar") continue;
    INFO(format.command);
    const std::string packed =
        Pack(format.command, "one\n") + Pack(format.command, "") + Pack(format.command, "two\n");
    CHECK(Unpack(packed) == "one\ntwo\n");
    if (!Says(format.command, "-l")) CHECK(Unpack(packed + std::string(70'000, '\0')) == "one\ntwo\n");
  }
  const std::string skipped("\x53\x2a\x4d\x18\x04\0\0\0abcd", 12);
  CHECK(Unpack(skipped + Pack("zstd", "a") + skipped + Pack("zstd", "b") + skipped) == "ab");
  CHECK(Unpack(skipped + Pack("lz4 -q", "a") + skipped) == "a");
}

TEST_CASE("One format in another, up to three") {
  CHECK(Unpack(Pack("gzip | (cat >a.sql.gz; zip -q a.zip a.sql.gz; cat a.zip)", "text")) == "text");
  CHECK(Unpack(Pack("zstd | gzip", "text")) == "text");
  CHECK(Unpack(Pack("xz | (cat >a.xz; tar -cz a.xz)", "text")) == "text");
  CHECK(Says(WhyNot(Pack("gzip | gzip | gzip | gzip", "text")), "'x' is packed more than 3 times"));
}

TEST_CASE("A cut is seen wherever it is, with the place") {
  const std::string text = Text();
  for (const Format& format : kFormats) {
    INFO(format.command);
    const std::string packed = Pack(format.command, text);
    for (const size_t cut :
         {packed.size() / 2, packed.size() - 20'000, packed.size() - 2, packed.size() - 1}) {
      INFO("cut at " << cut << " of " << packed.size());
      const std::string why = WhyNot(std::string_view(packed).substr(0, cut));
      INFO(why);
      // What is cut of a tar archive at the end is zeros, which mean nothing.
      if (format.name == "tar" && why == "it is unpacked") continue;
      CHECK(Says(
          why, "'x' is truncated: its " + format.name + " data ends early, at byte " + std::to_string(cut)));
    }
  }
}

TEST_CASE("Bytes behind packed data of any format are an error") {
  for (const Format& format : kFormats) {
    INFO(format.command);
    const std::string packed = Pack(format.command, "text");
    const std::string why = WhyNot(packed + "INSERT INTO more VALUES (1);");
    INFO(why);
    if (format.name == "tar") CHECK(Says(why, "'x' has other bytes after its tar data"));
    if (format.name != "tar") {
      CHECK(Says(why, "'x' has other bytes after its " + format.name + " data, which ends at byte " +
                          std::to_string(packed.size())));
    }
  }
}

TEST_CASE("A checksum that does not fit is an error") {
  const std::string text = Text();
  for (const char* command : {"gzip", "zstd --check", "xz", "bzip2", "lz4 -q", "zip -q - -"}) {
    INFO(command);
    std::string packed = Pack(command, text);
    for (size_t at = packed.size() / 3; at < packed.size() - 200; at += packed.size() / 5) {
      INFO("byte " << at);
      std::string broken = packed;
      broken[at] = static_cast<char>(broken[at] ^ 0x10);
      const std::string why = WhyNot(broken);
      INFO(why);
      CHECK(Says(why, "'x' is damaged: its "));
    }
  }
}

TEST_CASE("What unpacks to more than the limit is refused, from whatever layer") {
  const UnpackLimit limit{8 << 20U, "the volume of 8 MiB", "Raise it."};
  for (const Format& format : kFormats) {
    if (format.name == "tar") continue;
    INFO(format.command);
    const std::string bomb = Pack("head -c 20M /dev/zero | " + format.command, "");
    if (Says(format.command, "shop.sql")) continue;  // that is empty here
    CHECK(WhyNot(bomb, limit) == "'x' unpacks to more than the volume of 8 MiB / Raise it.");
  }
  CHECK(WhyNot(Pack("(head -c 200M /dev/zero | gzip -1 | gzip)", ""), limit) ==
        "'x' unpacks to more than the volume of 8 MiB / Raise it.");
  // Empty members inside: nothing ever comes out.
  CHECK(Says(
      WhyNot(
          Pack(
              "(printf '' | gzip >e; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do cat e e "
              ">f; mv f e; done; gzip <e)",
              ""),
          limit),
      "'x' unpacks to more than the volume of 8 MiB"));
}

TEST_CASE("A window that takes too much memory is said to be that") {
  CHECK(Says(WhyNot(Pack("zstd -q --long=30", Text())), "--long"));
  CHECK(Says(WhyNot(Pack("xz --lzma2=dict=512MiB", Text())), "dictionary of more than 128 MiB"));
}

TEST_CASE("Archives of anything but one file") {
  const auto zip = [](const std::string& command) {
    return Pack(
        "(echo 1 >a.sql; echo 2 >b.sql; mkdir -p d __MACOSX; echo 3 >__MACOSX/._a.sql; : >d/.DS_Store; " +
            command + " && cat z)",
        "");
  };
  CHECK(Says(WhyNot(zip("zip -q z a.sql b.sql && mv z.zip z")),
             "'x' is a zip archive of 2 files, and a backup is one: 'a.sql', 'b.sql'"));
  CHECK(Unpack(zip("zip -qr z __MACOSX d a.sql && mv z.zip z")) == "1\n");
  CHECK(Says(WhyNot(zip("zip -q -P secret z a.sql && mv z.zip z")), "'x' is an encrypted zip archive"));
  CHECK(Says(WhyNot(zip("zip -qr z d && mv z.zip z")), "'x' is a zip archive that has no file in it"));
  // In a pipe the directory at its end is not there yet.
  CHECK(Says(WhyNot(zip("zip -q z a.sql b.sql && gzip <z.zip >z")),
             "'x' is a zip archive of several files: 'a.sql', 'b.sql'"));
  CHECK(Says(WhyNot(zip("zip -q -P secret z a.sql && gzip <z.zip >z")), "'x' is an encrypted zip archive"));
  CHECK(
      Says(WhyNot(zip("tar -cf z a.sql b.sql")), "'x' is a tar archive of several files: 'a.sql', 'b.sql'"));
  CHECK(Unpack(zip("tar -czf z __MACOSX/._a.sql d a.sql")) == "1\n");
}

TEST_CASE("Names in a tar archive, as far as they are there") {
  const std::string tar = Pack(
      "(mkdir -p full/shop; cp shop.sql full/ibdata1; echo 1 >full/shop/t.frm; tar -c full/ibdata1 "
      "full/shop)",
      Text());
  CHECK(NamesInTar(tar) == std::vector<std::string>{"full/ibdata1", "full/shop/", "full/shop/t.frm"});
  CHECK(NamesInTar(std::string_view(tar).substr(0, 1000)) == std::vector<std::string>{"full/ibdata1"});
  CHECK(NamesInTar("").empty());
}

TEST_CASE("What is packed or encrypted otherwise is named") {
  CHECK(Says(WhyNot("7z\xbc\xaf\x27\x1c....."), "'x' is packed with 7-Zip"));
  CHECK(Says(WhyNot("Salted__12345678"), "'x' is encrypted with openssl"));
  CHECK(Says(WhyNot("-----BEGIN PGP MESSAGE-----\n"), "'x' is encrypted with GnuPG"));
  CHECK(Unpack("BZhello") == "BZhello");
  CHECK(Unpack("PK") == "PK");
}

}  // namespace
}  // namespace spawnd::engines
