#include "engines/mysql_family/backup_format.h"

#include "engines/mariadb/mariadb_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::mysql_family {
namespace {

TEST_CASE("MySQL backups are recognised by their content, and others' are named") {
  CHECK(*RecogniseBackup("-- MariaDB dump 10.19\n", "x", "MariaDB") == BackupFormat::kSql);
  CHECK(*RecogniseBackup("XBSTCK01\x01", "x", "MariaDB") == BackupFormat::kStream);
  const auto why = [](std::string_view head) {
    return RecogniseBackup(head, "x", "MariaDB").error().message;
  };
  CHECK(why("--\n-- PostgreSQL database dump\n--\n") == "'x' is no MariaDB backup: it is a PostgreSQL dump");
  CHECK(why("PGDMP\x01").find("PostgreSQL archive") != std::string::npos);
  CHECK(why("REDIS0010").find("Redis") != std::string::npos);
  CHECK(why(std::string_view("\x7f"
                             "ELF\0\0\1",
                             7))
            .find("no SQL text") != std::string::npos);
}

TEST_CASE("What a MySQL dump says of itself") {
  const DumpHeader header = ReadDumpHeader(
      "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for "
      "debian-linux-gnu (x86_64)\n--\n-- Host: 127.0.0.1    Database: my shop\n-- ------\n-- Server "
      "version\t10.11.19-MariaDB-0+deb12u1\n");
  CHECK(header.present);
  CHECK(header.server == "10.11.19-MariaDB-0+deb12u1");
  CHECK(header.database == "my shop");
  const DumpHeader all = ReadDumpHeader(
      "-- MySQL dump 10.13  Distrib 8.0.36\n--\n-- Host: h    Database: \n-- ---\n-- Server "
      "version\t8.0.36\n");
  CHECK(all.database.empty());
  CHECK(all.server == "8.0.36");
  CHECK_FALSE(ReadDumpHeader("SELECT 1").present);
  const auto& mariadb = mariadb::MariadbProduct();
  CHECK(mariadb.takes_system_tables("10.6.1-MariaDB", "10.11.19"));
  CHECK(mariadb.takes_system_tables("10.11.1-MariaDB", "10.11.19"));
  for (const char* other : {"8.0.36", "5.7.1-log", "10.3.2-MariaDB", "11.4.2-MariaDB", ""}) {
    CHECK_FALSE(mariadb.takes_system_tables(other, "10.11.19"));
  }
}

TEST_CASE("MySQL headers: what other tools say of their server") {
  const auto server = [](const std::string& head) { return ReadDumpHeader(head).server; };
  CHECK(server("-- phpMyAdmin SQL Dump\n-- version 5.2.1\n-- Server version: 10.4.27-MariaDB\n") ==
        "10.4.27-MariaDB");
  CHECK(server("-- Adminer 4.8.1 MySQL 8.0.33 dump\n") == "8.0.33");
  CHECK(server("-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n") == "8.0.36");
  CHECK(server("CREATE TABLE t (a int);").empty());
  const DumpHeader header =
      ReadDumpHeader("-- phpMyAdmin SQL Dump\n-- Server version: 8.0.31\n--\n-- Database: `my shop`\n--\n");
  CHECK(header.database == "my shop");
  CHECK_FALSE(header.present);
  CHECK_FALSE(header.IsMariadb());
}

}  // namespace
}  // namespace spawnd::engines::mysql_family
