#include "daemon/metrics/process.h"

#include <boost/filesystem/directory.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <iterator>
#include <sstream>
#include <string>

#include "base/file.h"

namespace spawnd::daemon {
namespace {

/// Fields of /proc/self/stat behind the program's name, which may have blanks (proc(5) counts from 1, and the
/// first one there is its third).
std::vector<std::string> FieldsOfStat() {
  const std::string text = TextOfFile("/proc/self/stat");
  std::istringstream rest(text.substr(text.rfind(')') + 1));
  return {std::istream_iterator<std::string>(rest), std::istream_iterator<std::string>()};
}

double NumberAt(const std::vector<std::string>& fields, size_t number) {
  return number - 3 < fields.size() ? std::strtod(fields[number - 3].c_str(), nullptr) : 0;
}

/// Seconds since 1970 at which the machine was started.
double BootTime() {
  timespec since_boot{};
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec - since_boot.tv_sec) +
         static_cast<double>(now.tv_nsec - since_boot.tv_nsec) / 1e9;
}

double OpenDescriptors() {
  boost::system::error_code code;
  double count = -1;  // the one that reads the folder
  boost::filesystem::directory_iterator it("/proc/self/fd", code);
  for (const boost::filesystem::directory_iterator end; !code && it != end; it.increment(code)) ++count;
  return count;
}

Family Gauge(std::string_view name, std::string_view help, double value, std::string_view unit = {}) {
  return {{name, help, MetricType::kGauge, unit}, {{{}, value}}};
}

}  // namespace

std::vector<Family> ReadProcess() {
  const std::vector<std::string> stat = FieldsOfStat();
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  return {
      Gauge("spawnd_process_open_fds", "Descriptors that the daemon has open.", OpenDescriptors()),
      Gauge("spawnd_process_max_fds", "Descriptors that it may have open.",
            static_cast<double>(files.rlim_cur)),
      Gauge("spawnd_process_threads", "Its threads.", NumberAt(stat, 20)),
      Gauge("spawnd_process_resident_memory_bytes", "Memory of it that is in memory.",
            NumberAt(stat, 24) * static_cast<double>(::sysconf(_SC_PAGESIZE)), "bytes"),
      Gauge("spawnd_process_virtual_memory_bytes", "Memory that it has mapped.", NumberAt(stat, 23), "bytes"),
      Gauge("spawnd_process_start_time_seconds", "When it was started, in seconds since 1970.",
            BootTime() + NumberAt(stat, 22) / ticks, "seconds"),
      {{"spawnd_process_cpu_seconds", "Processor time that it has used.", MetricType::kCounter, "seconds"},
       {{{}, (NumberAt(stat, 14) + NumberAt(stat, 15)) / ticks}}}};
}

}  // namespace spawnd::daemon
