/// How both spawnctl and spawnd show what was found: a line for each thing, and below it what mends it. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/types.h"

namespace spawnd::api {

/// "good      kernel         Linux 6.1.0" and so on. What stands in it is shown as it is.
std::string DoctorText(const std::vector<Diagnosis>& diagnoses);

}  // namespace spawnd::api
