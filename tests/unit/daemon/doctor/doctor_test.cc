/// The checks of a doctor on this machine, and what they say where something is wrong. Needs nothing.
#include "daemon/doctor/doctor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

DoctorSubject SubjectAt(const std::string& directory) {
  return {directory,
          directory + "/spawnd.sock",
          "nobody",
          1'879'048'192,
          1'879'113'727,
          "127.0.0.1",
          20'000,
          29'999,
          80,
          90,
          [] { return std::vector<engines::Installation>(); },
          [](const engines::Command&) {
            return Result<ProcessOutput>(ProcessOutput{0, "1000\n"});
          },
          [] { return std::vector<std::string>(); }};
}

api::Diagnosis One(const Diagnoses& found) {
  REQUIRE(found.size() == 1);
  return found.front();
}

TEST_CASE("a kernel is compared by its two first numbers") {
  CHECK(KernelIsAtLeast("6.1.0-18-amd64", 5, 12));
  CHECK(KernelIsAtLeast("5.12", 5, 12));
  CHECK(KernelIsAtLeast("5.100.1", 5, 12));
  CHECK_FALSE(KernelIsAtLeast("5.9.0", 5, 12));
  CHECK_FALSE(KernelIsAtLeast("4.20.1", 5, 12));
  CHECK_FALSE(KernelIsAtLeast("", 5, 12));
  CHECK_FALSE(KernelIsAtLeast("6", 5, 12));
  CHECK_FALSE(KernelIsAtLeast("six.one", 5, 12));
}

TEST_CASE("ranges of ports overlap when they have one in common") {
  CHECK(RangesOverlap(20'000, 29'999, 29'999, 60'999));
  CHECK(RangesOverlap(20'000, 29'999, 1024, 65'535));
  CHECK(RangesOverlap(32'768, 40'000, 20'000, 32'768));
  CHECK_FALSE(RangesOverlap(20'000, 29'999, 30'000, 60'999));
}

TEST_CASE("a state directory that others can write to is named, with what mends it") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "state";
  CHECK(One(CheckStateDirectory(SubjectAt(path))).level == kWarning);  // made at the first start
  std::filesystem::create_directory(path);
  ::chmod(path.c_str(), 0777);
  const auto open = One(CheckStateDirectory(SubjectAt(path)));
  CHECK(open.level == kBad);
  CHECK(open.remedy.find("chmod 0711 " + path) != std::string::npos);
  if (::geteuid() == 0) {
    ::chmod(path.c_str(), 0711);
    CHECK(One(CheckStateDirectory(SubjectAt(path))).level != kBad);
  }
}

TEST_CASE("a disk is judged by the administrator's own limits") {
  const ScratchDirectory scratch;
  DoctorSubject subject = SubjectAt(scratch.Path());
  subject.disk_warn_percent = 100;
  subject.disk_refuse_percent = 100;
  CHECK(One(CheckDisk(subject)).level == kGood);
  subject.disk_warn_percent = 0;
  CHECK(One(CheckDisk(subject)).level == kWarning);
  subject.disk_refuse_percent = 0;
  const auto full = One(CheckDisk(subject));
  CHECK(full.level == kBad);
  CHECK_FALSE(full.remedy.empty());
}

TEST_CASE("certificates that are missing or damaged are no good ones") {
  const ScratchDirectory scratch;
  const DoctorSubject subject = SubjectAt(scratch.Path());
  CHECK(One(CheckCertificates(subject)).level == kWarning);
  std::filesystem::create_directory(scratch / "tls");
  std::ofstream(scratch / "tls/ca.crt") << "-----BEGIN CERTIFICATE-----\nAAAA\n";
  CHECK(One(CheckCertificates(subject)).level == kWarning);
}

TEST_CASE("no engine is bad, one that cannot be used beside a good one is a warning") {
  const ScratchDirectory scratch;
  DoctorSubject subject = SubjectAt(scratch.Path());
  CHECK(One(CheckEngines(subject)).level == kBad);
  engines::Installation good{"redis", "7.0.15", "/usr"};
  engines::Installation broken{"redis", "", "/opt/redis", "libssl.so.3: not found"};
  subject.installations = [&] { return std::vector{broken, good}; };
  const Diagnoses found = CheckEngines(subject);
  REQUIRE(found.size() == 2);
  CHECK(found[0].level == kGood);
  CHECK(found[1].level == kWarning);
  CHECK(found[1].text.find("libssl") != std::string::npos);
  CHECK_FALSE(AnythingBad(found));
}

TEST_CASE("a program that runs as root, or not at all, is no confinement") {
  if (::geteuid() != 0) {
    WARN("skipped: confinement needs root");
    return;
  }
  const ScratchDirectory scratch;
  DoctorSubject subject = SubjectAt(scratch.Path());
  CHECK(One(CheckConfinement(subject)).level == kGood);
  subject.run_confined = [](const engines::Command&) {
    return Result<ProcessOutput>(ProcessOutput{0, "0\n"});
  };
  CHECK(One(CheckConfinement(subject)).level == kBad);
  subject.run_confined = [](const engines::Command&) -> Result<ProcessOutput> {
    return Fail(ErrorCode::kForbidden, "cannot make the namespaces of a program");
  };
  CHECK(One(CheckConfinement(subject)).text.find("cannot make the namespaces") != std::string::npos);
}

TEST_CASE("limits that cannot be had are named one by one") {
  const ScratchDirectory scratch;
  DoctorSubject subject = SubjectAt(scratch.Path());
  CHECK(One(CheckControlGroups(subject)).level == kGood);
  subject.missing_limits = [] { return std::vector<std::string>{"memory", "io"}; };
  CHECK(CheckControlGroups(subject).size() == 2);
}

TEST_CASE("every check says something, and what is not good says what to do or why") {
  const ScratchDirectory scratch;
  const Diagnoses all = Examine(SubjectAt(scratch.Path()));
  CHECK(all.size() >= 16);
  for (const api::Diagnosis& one : all) {
    CHECK_FALSE(one.subject.empty());
    CHECK_FALSE(one.text.empty());
    CHECK((one.level == kGood || one.level == kWarning || one.level == kBad));
    CHECK((one.level != kGood || one.remedy.empty()));
  }
}

}  // namespace
}  // namespace spawnd::daemon
