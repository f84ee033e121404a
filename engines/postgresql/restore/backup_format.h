/// What kind of file a backup is, by its first bytes. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines::postgresql {

/// kDirectory: these are the first bytes of its toc.dat.
enum class BackupFormat { kPlainSql, kCustom, kTar, kDirectory };

/// `head`: the first bytes, unpacked; 64 KiB are plenty, fewer when the file is
/// shorter. kInvalidArgument with what the file is instead, where that can be seen. Physical base backups are
/// for RecogniseBaseBackup, which is asked first.
Result<BackupFormat> RecogniseBackup(std::string_view head, const std::string& name);

/// Whether a tar archive is pg_dump's: of tar format, or one of a dump in directory format. `head` as above.
bool IsTarOfBackup(std::string_view head);

}  // namespace spawnd::engines::postgresql
