/// What `spawnctl doctor` and `spawnd doctor` look at, one subject a function: each says what is good, and of
/// what is not, what that means and how to mend it. They look at the machine as it is now and change nothing.
///
/// Any thread, with or without a running daemon; each may block for some seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "engines/engine.h"

namespace spawnd::daemon {

using Diagnoses = std::vector<api::Diagnosis>;

/// What is looked at beside the machine itself: settings, and what only who runs the daemon can find out.
struct DoctorSubject {
  std::string state_directory;
  std::string socket_path;
  std::string engine_user;
  uint32_t first_user = 0;
  uint32_t last_user = 0;
  std::string host;  ///< address that engines listen on
  uint16_t first_port = 0;
  uint16_t last_port = 0;
  int disk_warn_percent = 0;
  int disk_refuse_percent = 0;
  /// Looks for the engines of this machine anew.
  std::function<std::vector<engines::Installation>()> installations;
  /// Runs a program as an engine would be run.
  std::function<Result<ProcessOutput>(const engines::Command& command)> run_confined;
  /// Why containers have no limits of some kind; empty: they have all.
  std::function<std::vector<std::string>()> missing_limits;
  std::vector<std::string> also_listen{};  ///< further addresses that engines listen on
};

inline constexpr const char* kGood = "good";
inline constexpr const char* kWarning = "warning";
inline constexpr const char* kBad = "bad";

// kernel.cc
Diagnoses CheckKernel();
Diagnoses CheckFuse();
Diagnoses CheckLoopDevices();
Diagnoses CheckClock();
Diagnoses CheckKernelLimits();

// containment.cc
Diagnoses CheckControlGroups(const DoctorSubject& subject);
Diagnoses CheckDoors();
Diagnoses CheckConfinement(const DoctorSubject& subject);
Diagnoses CheckUsers(const DoctorSubject& subject);

// service.cc
Diagnoses CheckUnits();
Diagnoses CheckProgram();
Diagnoses CheckSocket(const DoctorSubject& subject);
Diagnoses CheckPorts(const DoctorSubject& subject);
Diagnoses CheckEngines(const DoctorSubject& subject);

// store.cc
Diagnoses CheckStateDirectory(const DoctorSubject& subject);
Diagnoses CheckDisk(const DoctorSubject& subject);
Diagnoses CheckCertificates(const DoctorSubject& subject);

/// "6.18.5-cloud" against 5.12: of the two first numbers. False for what is no version.
bool KernelIsAtLeast(std::string_view release, int major, int minor);
/// The two ranges have a port in common.
bool RangesOverlap(uint16_t first, uint16_t last, uint16_t other_first, uint16_t other_last);

}  // namespace spawnd::daemon
