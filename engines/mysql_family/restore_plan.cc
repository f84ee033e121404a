#include "engines/mysql_family/backup_format.h"
#include "engines/mysql_family/dump_folder.h"
#include "engines/mysql_family/family_engine.h"
#include "engines/mysql_family/physical_backup.h"
#include "engines/mysql_family/sql_step.h"
#include "engines/unpack/backup_head.h"

namespace spawnd::engines::mysql_family {
namespace {

class SqlText final : public RecognisedBackup {
 public:
  SqlText(const Product& product, const RestoreRequest& request, const BackupHead& head) : product_(product) {
    source_.name = request.backup_name;
    source_.is_script = request.is_script;
    source_.packing = head.packing;
    source_.header = ReadDumpHeader(head.bytes);
  }

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    TRY_ASSIGN(RestoreStep step, MakeSqlStep(product_, installation, target, source_));
    RestorePlan plan;
    plan.steps.push_back(std::move(step));
    return plan;
  }

 private:
  const Product& product_;
  SqlSource source_;
};

}  // namespace

Result<std::unique_ptr<RecognisedBackup>> FamilyEngine::Recognise(const RestoreRequest& request) const {
  if (request.folder != nullptr) {
    if (!IsPhysicalBackup(*request.folder)) {
      return RecogniseDumpFolder(product_, request);
    }
    return MakePhysicalBackup(product_, request, {});
  }
  TRY_ASSIGN(BackupHead head, ReadBackupHead(request.backup_fd, request.backup_name));
  if (IsTar(head.bytes)) {
    if (!request.is_script && IsPhysicalBackup(head.bytes))
      return MakePhysicalBackup(product_, request, head);
    TRY_ASSIGN(head, ReadHeadInTar(request.backup_fd, request.backup_name, std::move(head)));
  }
  // An empty script is one that does nothing; an empty backup is one that went wrong.
  if (!request.is_script || !head.bytes.empty()) {
    TRY_ASSIGN(const BackupFormat format,
               RecogniseBackup(head.bytes, request.backup_name, product_.display_name));
    if (format == BackupFormat::kStream) return MakePhysicalBackup(product_, request, head);
  }
  return std::make_unique<SqlText>(product_, request, head);
}

}  // namespace spawnd::engines::mysql_family
