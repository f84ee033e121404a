/// MySQL 5.7 and later: what engines/mysql_family does, with mysqld's own initialisation and options.
/// Immutable, safe from any thread.
#pragma once

#include "engines/mysql_family/family_engine.h"

namespace spawnd::engines::mysql {

const mysql_family::Product& MysqlProduct();

class MysqlEngine final : public mysql_family::FamilyEngine {
 public:
  MysqlEngine() : FamilyEngine(MysqlProduct()) {}
  std::string_view InstallHint() const override;
  std::vector<std::string_view> Relatives() const override { return {"mariadb"}; }
};

}  // namespace spawnd::engines::mysql
