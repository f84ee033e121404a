#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "daemon/doctor/checks.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {
namespace {

/// statfs(2)'s numbers of file systems on which a write that was acknowledged may be gone, or direct reads
/// fail.
constexpr std::array<std::pair<long, std::string_view>, 4> kUnfit{{
    {0x6969, "NFS"},
    {0x01021994, "memory (tmpfs)"},
    {0x794c7630, "an overlay"},
    {0xff534d42, "SMB"},
}};

std::string_view UnfitFileSystem(const std::string& path) {
  struct statfs look {};
  if (::statfs(path.c_str(), &look) != 0) return {};
  for (const auto& [number, name] : kUnfit) {
    if (static_cast<unsigned long>(look.f_type) == static_cast<unsigned long>(number)) return name;
  }
  return {};
}

}  // namespace

Diagnoses CheckStateDirectory(const DoctorSubject& subject) {
  const std::string& path = subject.state_directory;
  struct stat folder {};
  if (::stat(path.c_str(), &folder) != 0) {
    return {{"state directory", errno == ENOENT ? kWarning : kBad,
             fmt::format("'{}': {}", path, ::strerror(errno)),
             errno == ENOENT ? "The daemon makes it when it starts: systemctl start spawnd" : ""}};
  }
  if (folder.st_uid != 0 || (folder.st_mode & 022U) != 0) {
    return {{"state directory", kBad,
             fmt::format("'{}' belongs to user {} with mode {:o}: others can change what is in it", path,
                         folder.st_uid, folder.st_mode & 07777U),
             fmt::format("chown root:root {0} && chmod 0711 {0}", path)}};
  }
  const std::string_view unfit = UnfitFileSystem(path);
  if (!unfit.empty()) {
    return {{"state directory", kWarning, fmt::format("'{}' lies on {}: not made for databases", path, unfit),
             "Put it on a local disk: --state-dir, or a mount"}};
  }
  return {{"state directory", kGood, path, ""}};
}

Diagnoses CheckDisk(const DoctorSubject& subject) {
  const auto use = UseOfDisk(subject.state_directory);
  if (!use) return {{"disk", kWarning, use.error().message, ""}};
  const Disk disk(subject.state_directory, subject.disk_warn_percent, subject.disk_refuse_percent);
  const int percent = use->Percent();
  const Disk::Level level = disk.LevelOf(percent);
  const std::string text = disk.Describe(percent);
  const std::string remedy =
      "spawnctl get data-images and data-containers show what is big; delete what nobody needs";
  if (level == Disk::Level::kNone) return {{"disk", kBad, text + ": nothing new is created", remedy}};
  if (level == Disk::Level::kLow) return {{"disk", kWarning, text, remedy}};
  return {{"disk", kGood, text, ""}};
}

Diagnoses CheckCertificates(const DoctorSubject& subject) {
  const std::string path = StoreLayout(subject.state_directory).Tls() + "/ca.crt";
  const std::unique_ptr<BIO, decltype(&::BIO_free)> file(::BIO_new_file(path.c_str(), "r"), ::BIO_free);
  const std::unique_ptr<X509, decltype(&::X509_free)> certificate(
      file ? ::PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr, ::X509_free);
  if (!certificate) {
    return {{"certificates", kWarning, fmt::format("'{}' cannot be read", path),
             "The daemon makes it when it starts: systemctl restart spawnd"}};
  }
  int days = 0;
  int seconds = 0;
  if (::ASN1_TIME_diff(&days, &seconds, nullptr, ::X509_get0_notAfter(certificate.get())) != 1 || days < 30) {
    return {{"certificates", kWarning, "the certificate authority of all servers is about to end",
             "systemctl restart spawnd makes another; clients need it: spawnctl get ca"}};
  }
  return {{"certificates", kGood, fmt::format("'{}' is good for {} more days", path, days), ""}};
}

}  // namespace spawnd::daemon
