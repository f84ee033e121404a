#include "daemon/keeper/protocol.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>

#include "daemon/keeper/descriptor_passing.h"

namespace spawnd::daemon {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;
using rapidjson::Value;

constexpr std::array<const char*, 11> kOpNames{"start",       "status",     "createDatabase", "userDatabases",
                                               "finishImage", "seal",       "stop",           "abandon",
                                               "save",        "runCommand", "startEngine"};
/// The newest ones; more would not fit into a packet.
constexpr size_t kMaxRevisions = 2000;

void Put(Writer& writer, const char* name, const std::string& value) {
  writer.Key(name);
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}
void Put(Writer& writer, const char* name, int64_t value) {
  writer.Key(name);
  writer.Int64(value);
}
void Put(Writer& writer, const char* name, uint64_t value) {
  writer.Key(name);
  writer.Uint64(value);
}
void Put(Writer& writer, const char* name, const std::vector<std::string>& values) {
  writer.Key(name);
  writer.StartArray();
  for (const std::string& value : values)
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  writer.EndArray();
}

/// Reads fields of one object; a missing field or one of another type leaves the default.
class Fields {
 public:
  explicit Fields(const Value& object) : object_(object) {}

  const Value* Find(const char* name) const {
    if (!object_.IsObject()) return nullptr;
    const auto member = object_.FindMember(name);
    return member == object_.MemberEnd() ? nullptr : &member->value;
  }
  void Get(const char* name, std::string& out) const {
    const Value* value = Find(name);
    if (value != nullptr && value->IsString()) out.assign(value->GetString(), value->GetStringLength());
  }
  template <typename Int>
  void GetInt(const char* name, Int& out) const {
    const Value* value = Find(name);
    if (value == nullptr) return;
    if (value->IsInt64()) {
      out = static_cast<Int>(value->GetInt64());
    } else if (value->IsUint64()) {
      out = static_cast<Int>(value->GetUint64());
    }
  }
  void Get(const char* name, std::vector<std::string>& out) const {
    const Value* value = Find(name);
    if (value == nullptr || !value->IsArray()) return;
    for (const Value& item : value->GetArray()) {
      if (item.IsString()) out.emplace_back(item.GetString(), item.GetStringLength());
    }
  }

 private:
  const Value& object_;
};

void PutSpec(Writer& writer, const KeeperSpec& spec) {
  writer.Key("spec");
  writer.StartObject();
  Put(writer, "id", spec.id);
  Put(writer, "directory", spec.directory);
  Put(writer, "indexPath", spec.index_path);
  Put(writer, "layerDirectory", spec.layer_directory);
  Put(writer, "volumeBytes", spec.volume_bytes);
  Put(writer, "durability",
      std::string(spec.durability == storage::Durability::kAlways ? "always" : "everysec"));
  Put(writer, "engine", spec.installation.engine);
  Put(writer, "version", spec.installation.version);
  Put(writer, "root", spec.installation.root);
  Put(writer, "host", spec.endpoint.host);
  Put(writer, "port", int64_t{spec.endpoint.port});
  Put(writer, "user", spec.credentials.user);
  Put(writer, "password", spec.credentials.password);
  Put(writer, "database", spec.credentials.database);
  Put(writer, "purpose", std::string(spec.purpose == engines::Purpose::kBuild ? "build" : "serve"));
  Put(writer, "uid", int64_t{spec.engine_uid});
  Put(writer, "gid", int64_t{spec.engine_gid});
  Put(writer, "tlsCertificate", spec.tls_certificate_path);
  Put(writer, "tlsKey", spec.tls_key_path);
  if (spec.hold_engine) Put(writer, "holdEngine", int64_t{1});
  if (spec.revert_to) Put(writer, "revertTo", uint64_t{*spec.revert_to});
  if (spec.base_revision) {
    Put(writer, "baseRevisionDirectory", spec.base_revision->directory);
    Put(writer, "baseRevision", uint64_t{spec.base_revision->number});
  }
  writer.EndObject();
}

void GetSpec(const Fields& fields, KeeperSpec& spec) {
  std::string durability;
  fields.GetInt("id", spec.id);
  fields.Get("directory", spec.directory);
  fields.Get("indexPath", spec.index_path);
  fields.Get("layerDirectory", spec.layer_directory);
  fields.GetInt("volumeBytes", spec.volume_bytes);
  fields.Get("durability", durability);
  spec.durability = durability == "always" ? storage::Durability::kAlways : storage::Durability::kEverySecond;
  fields.Get("engine", spec.installation.engine);
  fields.Get("version", spec.installation.version);
  fields.Get("root", spec.installation.root);
  fields.Get("host", spec.endpoint.host);
  fields.GetInt("port", spec.endpoint.port);
  fields.Get("user", spec.credentials.user);
  fields.Get("password", spec.credentials.password);
  fields.Get("database", spec.credentials.database);
  std::string purpose;
  fields.Get("purpose", purpose);
  spec.purpose = purpose == "build" ? engines::Purpose::kBuild : engines::Purpose::kServe;
  fields.GetInt("uid", spec.engine_uid);
  fields.GetInt("gid", spec.engine_gid);
  fields.Get("tlsCertificate", spec.tls_certificate_path);
  fields.Get("tlsKey", spec.tls_key_path);
  spec.hold_engine = fields.Find("holdEngine") != nullptr;
  if (fields.Find("revertTo") != nullptr) fields.GetInt("revertTo", spec.revert_to.emplace(0));
  if (fields.Find("baseRevision") != nullptr) {
    storage::RevisionReference& base = spec.base_revision.emplace();
    fields.Get("baseRevisionDirectory", base.directory);
    fields.GetInt("baseRevision", base.number);
  }
}

void PutStarted(Writer& writer, const KeeperReply& reply) {
  Put(writer, "pid", int64_t{reply.started.pid});
  writer.Key("timings");
  writer.StartArray();
  for (const auto& [step, milliseconds] : reply.started.timings) {
    writer.StartObject();
    Put(writer, "step", step);
    writer.Key("ms");
    writer.Double(milliseconds);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("revisions");
  writer.StartArray();
  const auto& revisions = reply.started.revisions;
  for (size_t i = revisions.size() - std::min(revisions.size(), kMaxRevisions); i < revisions.size(); ++i) {
    writer.StartObject();
    Put(writer, "number", uint64_t{revisions[i].number});
    Put(writer, "uniqueBytes", revisions[i].unique_bytes);
    writer.EndObject();
  }
  writer.EndArray();
}

void GetRevisions(const Fields& fields, KeeperReply& reply) {
  const Value* revisions = fields.Find("revisions");
  if (revisions == nullptr || !revisions->IsArray()) return;
  for (const Value& item : revisions->GetArray()) {
    storage::RevisionUsage revision;
    Fields(item).GetInt("number", revision.number);
    Fields(item).GetInt("uniqueBytes", revision.unique_bytes);
    if (revision.number != 0) reply.started.revisions.push_back(revision);
  }
}

void GetStarted(const Fields& fields, KeeperReply& reply) {
  fields.GetInt("pid", reply.started.pid);
  GetRevisions(fields, reply);
  const Value* timings = fields.Find("timings");
  if (timings == nullptr || !timings->IsArray()) return;
  for (const Value& item : timings->GetArray()) {
    const Fields step(item);
    std::string name;
    step.Get("step", name);
    const Value* milliseconds = step.Find("ms");
    if (milliseconds != nullptr && milliseconds->IsNumber()) {
      reply.started.timings.emplace_back(name, milliseconds->GetDouble());
    }
  }
}

void GetError(const Fields& fields, KeeperReply& reply) {
  const Value* value = fields.Find("error");
  if (value == nullptr) return;
  const Fields error(*value);
  std::string code;
  std::string message;
  std::string hint;
  error.Get("code", code);
  error.Get("message", message);
  error.Get("hint", hint);
  reply.error.emplace(ErrorCodeFromName(code), std::move(message), std::move(hint));
}

Result<void> Parse(std::string_view packet, rapidjson::Document& document) {
  // Iterative: a hostile depth must not use up the stack.
  document.Parse<rapidjson::kParseIterativeFlag>(packet.data(), packet.size());
  if (document.HasParseError() || !document.IsObject()) {
    return Fail(ErrorCode::kInvalidArgument, "a packet on a control socket is no JSON object");
  }
  return {};
}

}  // namespace

std::string EncodeRequest(const KeeperRequest& request) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  Put(writer, "op", std::string(kOpNames.at(static_cast<size_t>(request.op))));
  Put(writer, "deadlineSeconds", request.deadline_seconds);
  if (request.op == KeeperRequest::Op::kStart) {
    Put(writer, "launchedAtNs", request.launched_at_ns);
    PutSpec(writer, request.spec);
  }
  if (request.op == KeeperRequest::Op::kCreateDatabase) Put(writer, "database", request.database);
  if (request.op == KeeperRequest::Op::kRunCommand) {
    Put(writer, "argv", request.command.argv);
    Put(writer, "env", request.command.env);
    Put(writer, "workingDirectory", request.command.working_directory);
  }
  if (request.op == KeeperRequest::Op::kSeal) {
    Put(writer, "layerDirectory", request.seal.layer_directory);
    Put(writer, "layerId", request.seal.layer_id);
    Put(writer, "indexPath", request.seal.index_path);
  }
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<KeeperRequest> DecodeRequest(std::string_view packet) {
  rapidjson::Document document;
  TRY(Parse(packet, document));
  const Fields fields(document);
  KeeperRequest request;
  std::string op;
  fields.Get("op", op);
  size_t number = 0;
  while (number < kOpNames.size() && op != kOpNames.at(number)) ++number;
  if (number == kOpNames.size()) return Fail(ErrorCode::kUnsupported, "a keeper does not know '" + op + "'");
  request.op = static_cast<KeeperRequest::Op>(number);
  fields.GetInt("deadlineSeconds", request.deadline_seconds);
  fields.GetInt("launchedAtNs", request.launched_at_ns);
  if (const Value* spec = fields.Find("spec")) GetSpec(Fields(*spec), request.spec);
  fields.Get("database", request.database);
  fields.Get("argv", request.command.argv);
  fields.Get("env", request.command.env);
  fields.Get("workingDirectory", request.command.working_directory);
  fields.Get("layerDirectory", request.seal.layer_directory);
  fields.Get("layerId", request.seal.layer_id);
  fields.Get("indexPath", request.seal.index_path);
  return request;
}

std::string EncodeReply(const KeeperReply& reply) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  writer.Key("final");
  writer.Bool(reply.final);
  if (reply.error) {
    writer.Key("error");
    writer.StartObject();
    Put(writer, "code", std::string(ErrorCodeName(reply.error->code)));
    Put(writer, "message", reply.error->message);
    Put(writer, "hint", reply.error->hint);
    writer.EndObject();
  }
  PutStarted(writer, reply);
  Put(writer, "deltaBytes", reply.usage.delta_bytes);
  Put(writer, "journalBytes", reply.usage.journal_bytes);
  Put(writer, "epoch", reply.usage.epoch);
  Put(writer, "committedEpoch", reply.usage.committed_epoch);
  Put(writer, "databases", reply.databases);
  Put(writer, "bytesDone", reply.seal_progress.bytes_done);
  Put(writer, "bytesTotal", reply.seal_progress.bytes_total);
  Put(writer, "layerIds", reply.seal_result.layer_ids);
  Put(writer, "dataBytes", reply.seal_result.data_bytes);
  Put(writer, "newLayerBytes", reply.seal_result.new_layer_bytes);
  Put(writer, "exitCode", int64_t{reply.outcome.exit_code});
  Put(writer, "output", reply.outcome.output);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<KeeperReply> DecodeReply(std::string_view packet) {
  rapidjson::Document document;
  TRY(Parse(packet, document));
  const Fields fields(document);
  KeeperReply reply;
  if (const Value* final = fields.Find("final")) reply.final = !final->IsFalse();
  GetError(fields, reply);
  GetStarted(fields, reply);
  fields.GetInt("deltaBytes", reply.usage.delta_bytes);
  fields.GetInt("journalBytes", reply.usage.journal_bytes);
  fields.GetInt("epoch", reply.usage.epoch);
  fields.GetInt("committedEpoch", reply.usage.committed_epoch);
  fields.Get("databases", reply.databases);
  fields.GetInt("bytesDone", reply.seal_progress.bytes_done);
  fields.GetInt("bytesTotal", reply.seal_progress.bytes_total);
  fields.Get("layerIds", reply.seal_result.layer_ids);
  fields.GetInt("dataBytes", reply.seal_result.data_bytes);
  fields.GetInt("newLayerBytes", reply.seal_result.new_layer_bytes);
  fields.GetInt("exitCode", reply.outcome.exit_code);
  fields.Get("output", reply.outcome.output);
  return reply;
}

Result<void> SendPacket(int fd, std::string_view packet, int descriptor) {
  return SendWithDescriptor(fd, packet, descriptor);
}

Result<std::string> ReceivePacket(int fd, UniqueFd* descriptor) {
  UniqueFd unwanted;
  return ReceiveWithDescriptor(fd, kMaxPacketBytes, descriptor != nullptr ? *descriptor : unwanted);
}

}  // namespace spawnd::daemon
