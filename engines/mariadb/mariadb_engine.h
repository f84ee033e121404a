/// MariaDB 10.4 and later: what engines/mysql_family does, with MariaDB's own initialisation and options.
/// Immutable, safe from any thread.
#pragma once

#include "engines/mysql_family/family_engine.h"

namespace spawnd::engines::mariadb {

const mysql_family::Product& MariadbProduct();

class MariadbEngine final : public mysql_family::FamilyEngine {
 public:
  MariadbEngine() : FamilyEngine(MariadbProduct()) {}
  std::string_view InstallHint() const override;
  std::vector<std::string_view> Relatives() const override { return {"mysql"}; }
};

}  // namespace spawnd::engines::mariadb
