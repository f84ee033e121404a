#include "engines/postgresql/restore/archive_header.h"

#include "tests/support/catch.h"
#include "tests/unit/engines/postgresql/sample_dumps.h"

namespace spawnd::engines::postgresql {
namespace {

TEST_CASE("The header of a real archive is read") {
  const std::string& dump = testing::SampleDumps().at("custom");
  const auto header = ReadArchiveHeader(dump);
  REQUIRE(header.has_value());
  CHECK(header->major == 1);
  CHECK(header->minor >= 14);
  CHECK(header->kind == ArchiveKind::kCustom);
  CHECK(header->database == "shop");
  CHECK(header->dump_version.substr(0, 2) == "15");
  CHECK(header->server_version.substr(0, 2) == "15");
  CHECK(FindCreateDatabase(dump).find("CREATE DATABASE shop WITH") == 0);
  CHECK(FindCreateDatabase(dump).back() == ';');
}

TEST_CASE("The table of contents of a tar archive says tar") {
  const auto header = ReadArchiveHeader(std::string_view(testing::SampleDumps().at("tar")).substr(512));
  REQUIRE(header.has_value());
  CHECK(header->kind == ArchiveKind::kTarOrDirectory);
}

TEST_CASE("A header that stops early, and what is none, is told from one") {
  const std::string& dump = testing::SampleDumps().at("custom");
  size_t whole = 0;
  while (!ReadArchiveHeader(std::string_view(dump).substr(0, whole))) ++whole;
  CHECK(whole > 60);
  CHECK(whole < 400);
  CHECK_FALSE(IsArchive("PGDM"));
  CHECK_FALSE(ReadArchiveHeader("-- PostgreSQL database dump").has_value());
  CHECK(FindCreateDatabase("CREATE DATABASE x").empty());
}

TEST_CASE("A version that nobody knows yet keeps its number, and nothing else is guessed") {
  const std::string bytes(
      "PGDMP\x01\x63\0\x04\x08\x01"
      "garbage",
      18);
  REQUIRE(ReadArchiveHeader(bytes).has_value());
  CHECK(ReadArchiveHeader(bytes)->minor == 99);
  CHECK(ReadArchiveHeader(bytes)->database.empty());
}

TEST_CASE("A length that is a lie does not read beyond the bytes") {
  std::string dump = testing::SampleDumps().at("custom").substr(0, 400);
  for (size_t at = 11; at < 120; ++at) {
    std::string broken = dump;
    broken[at] = '\xff';
    ReadArchiveHeader(broken);
  }
  SUCCEED();
}

TEST_CASE("Each pg_restore reads what its own pg_dump writes") {
  CHECK(NewestArchiveMinor(11) == 13);
  CHECK(NewestArchiveMinor(15) == 14);
  CHECK(NewestArchiveMinor(16) == 15);
  CHECK(NewestArchiveMinor(17) == 16);
  CHECK(NewestArchiveMinor(18) == 16);
}

}  // namespace
}  // namespace spawnd::engines::postgresql
