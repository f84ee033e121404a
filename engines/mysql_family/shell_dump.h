/// Folders of MySQL Shell (util.dumpInstance, dumpSchemas, dumpTables), which its own util.loadDump restores,
/// in the build's container, as the caller. Written from its documentation; no distribution has the program,
/// so that it has been tried with nothing. Thread and life of a plan.
///
/// https://dev.mysql.com/doc/mysql-shell/8.4/en/mysql-shell-utilities-load-dump.html
#pragma once

#include <memory>

#include "engines/engine.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

/// True for a folder that MySQL Shell wrote, or began to write.
bool IsShellDump(const BackupFolder& folder);

/// kInvalidArgument for one that was not finished. Its plan is kUnsupported where mysqlsh is not installed,
/// for another product than MySQL, and for parts of it.
Result<std::unique_ptr<RecognisedBackup>> MakeShellDump(const Product& product,
                                                        const RestoreRequest& request);

}  // namespace spawnd::engines::mysql_family
