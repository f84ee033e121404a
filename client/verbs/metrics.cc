/// metrics: what the daemon counts, for monitoring systems.
#include <fmt/core.h>

#include <array>
#include <charconv>
#include <utility>

#include "client/http/scrape_server.h"
#include "client/http/tcp_proxy.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

constexpr std::string_view kOpenMetrics = "application/openmetrics-text";
// What the daemon sends, by what it is asked for.
constexpr std::string_view kOpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";
constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";

std::string TargetOf(const Invocation& invocation) {
  return invocation.Has("--containers") ? "/v1/metrics?containers=true" : "/v1/metrics";
}

/// "127.0.0.1:9180", "[::1]:9180".
Result<TcpAddress> AddressIn(const std::string& text) {
  TcpAddress address;
  const size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  address.host = text.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  const bool is_port = error == std::errc() && end == port.data() + port.size() && !port.empty();
  if (is_port && !address.host.empty()) return address;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("--listen '{}' is no address with a port", OneLine(text)),
              "Write --listen 127.0.0.1:9180.");
}

Result<int> Listen(const Invocation& invocation) {
  TRY_ASSIGN(TcpAddress address, AddressIn(invocation.Text("--listen")));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const SignalWatch signals, SignalWatch::Start());
  TRY_ASSIGN(UniqueFd listener, ListenTcp(address));
  TRY_ASSIGN(address.port, PortOfListener(listener.Get()));
  if (!invocation.Has("--quiet")) {
    TRY(WriteOut(fmt::format("Metrics are at http://{}/metrics; ctrl-C ends it\n", AddressText(address))));
  }
  ScrapeServer server(std::move(listener),
                      [&daemon, target = TargetOf(invocation)](const std::string& accept) -> Result<Scraped> {
                        const bool open = accept.find(kOpenMetrics) != std::string::npos;
                        TRY_ASSIGN(std::string text, daemon.Get(target, open ? kOpenMetrics : ""));
                        return Scraped{open ? kOpenMetricsType : kTextType, std::move(text)};
                      });
  TRY(server.RunUntil(signals.Fd()));
  // Taken, or it would end this process after all as soon as it is no longer held back.
  static_cast<void>(signals.Next());
  return 0;
}

Result<int> Metrics(const Invocation& invocation) {
  if (invocation.Has("--listen")) return Listen(invocation);
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string text,
             daemon.Get(TargetOf(invocation), invocation.Has("--openmetrics") ? kOpenMetrics : ""));
  TRY(WriteOut(text));
  return 0;
}

constexpr std::array<Flag, 3> kFlags{{
    {"--containers", "", "", "numbers of each of your containers, too"},
    {"--openmetrics", "", "", "as OpenMetrics, not in Prometheus' older text format"},
    {"--listen", "", "<address:port>", "answer GET /metrics there until ctrl-C, for Prometheus to scrape"},
}};

constexpr std::array<Command, 1> kRows{{
    {"metrics", "", "", 0, 0, "Print what the daemon counts, for monitoring systems",
     "  spawnctl metrics | promtool check metrics\n  spawnctl metrics --listen 127.0.0.1:9180\n", kFlags,
     Metrics},
}};

}  // namespace

std::span<const Command> MetricsCommands() {
  return kRows;
}

}  // namespace spawnd::client
