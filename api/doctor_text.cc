#include "api/doctor_text.h"

#include <algorithm>

namespace spawnd::api {

std::string DoctorText(const std::vector<Diagnosis>& diagnoses) {
  constexpr size_t kLevelWidth = 9;
  constexpr size_t kGap = 2;
  size_t width = 0;
  for (const Diagnosis& one : diagnoses) width = std::max(width, one.subject.size() + kGap);
  std::string text;
  for (const Diagnosis& one : diagnoses) {
    std::string line = one.level + std::string(kLevelWidth - std::min(kLevelWidth, one.level.size()), ' ');
    line += one.subject + std::string(width - one.subject.size(), ' ') + one.text;
    text += line + "\n";
    if (!one.remedy.empty()) text += std::string(kLevelWidth + width, ' ') + "-> " + one.remedy + "\n";
  }
  return text;
}

}  // namespace spawnd::api
