/// `spawnctl doctor` asks the running daemon, `spawnd doctor` looks by itself: is this machine fit for
/// spawnd, and if something is not, what mends it. Changes nothing.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/doctor/checks.h"

namespace spawnd::daemon {

/// All checks, in the order of a start. Any thread; blocks for some seconds.
Diagnoses Examine(const DoctorSubject& subject);

/// True when something will not work.
bool AnythingBad(const Diagnoses& diagnoses);

}  // namespace spawnd::daemon
