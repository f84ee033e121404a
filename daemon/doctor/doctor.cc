#include "daemon/doctor/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace spawnd::daemon {

Diagnoses Examine(const DoctorSubject& subject) {
  Diagnoses all;
  const auto add = [&all](Diagnoses some) {
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  };
  add(CheckKernel());
  add(CheckFuse());
  add(CheckLoopDevices());
  add(CheckKernelLimits());
  add(CheckClock());
  add(CheckUnits());
  add(CheckProgram());
  add(CheckSocket(subject));
  add(CheckUsers(subject));
  add(CheckStateDirectory(subject));
  add(CheckDisk(subject));
  add(CheckCertificates(subject));
  add(CheckPorts(subject));
  add(CheckDoors());
  add(CheckControlGroups(subject));
  add(CheckConfinement(subject));
  add(CheckEngines(subject));
  return all;
}

bool AnythingBad(const Diagnoses& diagnoses) {
  return std::any_of(diagnoses.begin(), diagnoses.end(),
                     [](const api::Diagnosis& one) { return one.level == kBad; });
}

}  // namespace spawnd::daemon
