/// The tables of `get`: columns padded with blanks so that awk finds them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"

namespace spawnd::client {

/// Rows of cells, the first the header. Columns are as wide as their longest cell and three blanks apart; no
/// line ends in blanks. Width counts characters, not bytes.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

/// `ID Name Tags Engine Status CreatedAt Teams ExpiresAt`, `wide`: and `Owner Warm Masked`. `now`: seconds
/// since 1970.
std::string ImageTable(const std::vector<api::DataImage>& images, int64_t now, bool wide = false);
/// `ID Image Engine State CreatedAt Memory Disk`
std::string PoolTable(const std::vector<api::DataContainer>& containers, int64_t now);
/// How much the table of containers says.
enum class ContainerColumns : uint8_t {
  kPlain,   ///< `ID Name Revision Status Engine CreatedAt ExpiresAt`
  kMarked,  ///< Status says which are outdated or asleep: programs know its words, so only where people read
  kWide,    ///< and `State Spare`; Status as in kPlain
};
std::string ContainerTable(const std::vector<api::DataContainer>& containers, int64_t now,
                           ContainerColumns columns = ContainerColumns::kPlain);
/// What is outdated of them and what brings it up to date, for below that table; empty: nothing is.
std::string OutdatedText(const std::vector<api::DataContainer>& containers);

/// `ID Purpose Owner CreatedAt LastUsedAt`
std::string TokenTable(const std::vector<api::AccessToken>& tokens, int64_t now);
/// `Engine Name Version Usable Path`, and the problem where there is one.
std::string EngineTable(const std::vector<api::Engine>& engines);

}  // namespace spawnd::client
