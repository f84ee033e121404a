#include "daemon/containers/connection.h"

#include <algorithm>
#include <utility>

#include "daemon/door/door.h"

namespace spawnd::daemon {

engines::Endpoint EndpointOf(const ContainerRow& row) {
  return {row.host, row.port, row.also_listen};
}

namespace {

/// Where what listens on all is reached by who is here; the address itself if it is one.
std::string Concrete(const std::string& address) {
  if (address == "0.0.0.0") return "127.0.0.1";
  return address == "::" ? "::1" : address;
}

}  // namespace

std::vector<std::string> AddressesOf(const ContainerRow& row) {
  return AddressesOf(EndpointOf(row));
}

std::vector<std::string> AddressesToShow(const ContainerRow& row) {
  std::vector<std::string> shown;
  for (const std::string& address : AddressesOf(row)) {
    std::string one = Concrete(address);
    if (std::find(shown.begin(), shown.end(), one) == shown.end()) shown.push_back(std::move(one));
  }
  return shown;
}

engines::Endpoint ReachedAt(const ContainerRow& row, const std::string& advertised) {
  if (!advertised.empty()) return {advertised, row.port};
  const std::vector<std::string> all = AddressesOf(row);
  const auto one = std::find_if(all.begin(), all.end(),
                                [](const std::string& address) { return Concrete(address) == address; });
  return {one == all.end() ? Concrete(row.host) : *one, row.port};
}

engines::Credentials CredentialsOf(const ContainerRow& row) {
  return {row.user, row.password, row.database, row.superuser};
}

storage::Durability StorageDurability(api::Durability durability) {
  return durability == api::Durability::kAlways ? storage::Durability::kAlways
                                                : storage::Durability::kEverySecond;
}

}  // namespace spawnd::daemon
