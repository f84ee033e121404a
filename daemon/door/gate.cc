#include "daemon/door/gate.h"

#include <linux/bpf.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace spawnd::daemon {
namespace {

constexpr uint32_t kPlaces = 2;  ///< of each address: the door's, then the engine's

uint32_t DoorPlace(size_t address) {
  return static_cast<uint32_t>(address) * kPlaces;
}

uint32_t EnginePlace(size_t address) {
  return DoorPlace(address) + 1;
}

/// -1 with errno.
int Bpf(int command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

uint64_t AddressOfBytes(const void* bytes) {
  return reinterpret_cast<uint64_t>(bytes);
}

Error NotAllowed(int err) {
  return {
      ErrorCode::kUnsupported, ErrnoError(err, "cannot make the gate of a container's door (bpf)").message,
      "Clients of a container that is not ready are refused in place of waiting. The service must be allowed "
      "to call bpf: SystemCallFilter= and CapabilityBoundingSet= of spawnd.service."};
}

constexpr bpf_insn Instruction(int code, int to, int from, int offset, int32_t value) {
  return {static_cast<__u8>(code), static_cast<__u8>(to), static_cast<__u8>(from), static_cast<__s16>(offset),
          value};
}

/// Takes the socket in `place` of the table, if there is one: register 0 is 0 then. The connection is in
/// register 6.
constexpr std::array<bpf_insn, 8> Select(int map, uint32_t place) {
  return {Instruction(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0),
          Instruction(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, static_cast<int32_t>(place)),
          Instruction(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_FD, 0, map),
          Instruction(0, 0, 0, 0, 0),
          Instruction(BPF_ALU64 | BPF_MOV | BPF_X, 3, 10, 0, 0),
          Instruction(BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, -4),
          Instruction(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
          Instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_select_reuseport)};
}

/// Adds one to the number in the table of one.
constexpr std::array<bpf_insn, 9> CountOne(int map) {
  return {Instruction(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
          Instruction(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map),
          Instruction(0, 0, 0, 0, 0),
          Instruction(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
          Instruction(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
          Instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
          Instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0),
          Instruction(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
          Instruction(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD)};
}

/// The engine's place, else the door's, else as the kernel likes.
UniqueFd LoadProgram(int map, int arrivals, size_t address, bpf_attach_type type) {
  const auto count = CountOne(arrivals);
  const auto engine = Select(map, EnginePlace(address));
  const auto door = Select(map, DoorPlace(address));
  std::array<bpf_insn, 1 + count.size() + engine.size() + 1 + door.size() + 2> program{};
  auto* at = program.begin();
  *at++ = Instruction(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
  at = std::copy(count.begin(), count.end(), at);
  at = std::copy(engine.begin(), engine.end(), at);
  *at++ = Instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, static_cast<int>(door.size()), 0);
  at = std::copy(door.begin(), door.end(), at);
  *at++ = Instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, SK_PASS);
  *at = Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  constexpr const char* kLicence = "Apache-2.0";
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SK_REUSEPORT;
  attributes.expected_attach_type = type;
  attributes.insns = AddressOfBytes(program.data());
  attributes.insn_cnt = program.size();
  attributes.license = AddressOfBytes(kLicence);
  return UniqueFd(Bpf(BPF_PROG_LOAD, attributes));
}

/// 0 or an errno.
int Put(int map, uint32_t place, int socket) {
  const uint64_t value = static_cast<uint64_t>(socket);
  bpf_attr attributes{};
  attributes.map_fd = static_cast<__u32>(map);
  attributes.key = AddressOfBytes(&place);
  attributes.value = AddressOfBytes(&value);
  return Bpf(BPF_MAP_UPDATE_ELEM, attributes) == 0 ? 0 : errno;
}

void Empty(int map, uint32_t place) {
  bpf_attr attributes{};
  attributes.map_fd = static_cast<__u32>(map);
  attributes.key = AddressOfBytes(&place);
  Bpf(BPF_MAP_DELETE_ELEM, attributes);
}

/// What a table has in a place: the kernel's number of the socket, or the count. 0: nothing.
uint64_t NumberIn(int map, uint32_t place) {
  uint64_t number = 0;
  bpf_attr attributes{};
  attributes.map_fd = static_cast<__u32>(map);
  attributes.key = AddressOfBytes(&place);
  attributes.value = AddressOfBytes(&number);
  return Bpf(BPF_MAP_LOOKUP_ELEM, attributes) == 0 ? number : 0;
}

uint64_t NumberOf(int socket) {
  uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  return ::getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

UniqueFd MakeMap(bpf_map_type type, size_t entries) {
  bpf_attr attributes{};
  attributes.map_type = type;
  attributes.key_size = sizeof(uint32_t);
  attributes.value_size = sizeof(uint64_t);
  attributes.max_entries = static_cast<__u32>(entries);
  return UniqueFd(Bpf(BPF_MAP_CREATE, attributes));
}

/// 0: it is none.
uint32_t TypeOfMap(int descriptor) {
  bpf_map_info info{};
  bpf_attr attributes{};
  attributes.info.bpf_fd = static_cast<__u32>(descriptor);
  attributes.info.info_len = sizeof info;
  attributes.info.info = AddressOfBytes(&info);
  return Bpf(BPF_OBJ_GET_INFO_BY_FD, attributes) == 0 ? info.type : 0;
}

}  // namespace

Result<Gate> Gate::Make(size_t addresses) {
  UniqueFd map = MakeMap(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, addresses * kPlaces);
  if (!map.Valid()) return Fail(NotAllowed(errno));
  UniqueFd arrivals = MakeMap(BPF_MAP_TYPE_ARRAY, 1);
  if (!arrivals.Valid()) return Fail(NotAllowed(errno));
  return Gate(std::move(map), std::move(arrivals));
}

Result<Gate> Gate::Of(std::vector<UniqueFd> descriptors) {
  UniqueFd map;
  UniqueFd arrivals;
  for (UniqueFd& descriptor : descriptors) {
    const uint32_t type = descriptor.Valid() ? TypeOfMap(descriptor.Get()) : 0;
    if (type == BPF_MAP_TYPE_REUSEPORT_SOCKARRAY) {
      map = std::move(descriptor);
    } else if (type == BPF_MAP_TYPE_ARRAY) {
      arrivals = std::move(descriptor);
    }
  }
  if (!map.Valid() || !arrivals.Valid()) return Fail(ErrorCode::kNotFound, "the gate of a door is missing");
  return Gate(std::move(map), std::move(arrivals));
}

uint64_t Gate::Arrivals() const {
  return NumberIn(arrivals_.Get(), 0);
}

Result<void> Gate::Attach(size_t address, int door) const {
  UniqueFd program = LoadProgram(map_.Get(), arrivals_.Get(), address, BPF_SK_REUSEPORT_SELECT_OR_MIGRATE);
  // Before Linux 5.14 what is in the queue of a socket that closes is lost.
  if (!program.Valid()) program = LoadProgram(map_.Get(), arrivals_.Get(), address, BPF_SK_REUSEPORT_SELECT);
  if (!program.Valid()) return Fail(NotAllowed(errno));
  const int fd = program.Get();
  if (::setsockopt(door, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &fd, sizeof fd) != 0)
    return Fail(NotAllowed(errno));
  return {};
}

Result<void> Gate::PutDoor(size_t address, int door) const {
  const int err = Put(map_.Get(), DoorPlace(address), door);
  if (err != 0) return FailErrno(err, "cannot put a door in its place");
  return {};
}

Result<void> Gate::Open(size_t address, int engine) const {
  const int err = Put(map_.Get(), EnginePlace(address), engine);
  if (err == EINVAL) return Fail(ErrorCode::kUnavailable, "the server does not listen yet");
  if (err != 0) return FailErrno(err, "cannot let clients in");
  return {};
}

void Gate::Shut(size_t address) const {
  Empty(map_.Get(), EnginePlace(address));
}

void Gate::Shut(size_t address, int engine) const {
  const uint64_t number = NumberOf(engine);
  if (number != 0 && NumberIn(map_.Get(), EnginePlace(address)) == number) Shut(address);
}

bool Gate::IsOpen(size_t address) const {
  return NumberIn(map_.Get(), EnginePlace(address)) != 0;
}

Result<void> CheckGates() {
  TRY_ASSIGN(const Gate gate, Gate::Make(1));
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!socket.Valid() || ::setsockopt(socket.Get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return FailErrno(errno, "cannot make a socket");
  }
  return gate.Attach(0, socket.Get());
}

}  // namespace spawnd::daemon
