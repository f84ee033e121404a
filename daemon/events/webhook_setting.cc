#include "daemon/events/webhook_setting.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/random.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kMaxUrl = 2048;
constexpr size_t kMaxSecret = 4096;
constexpr size_t kMaxName = 63;

/// "hooks.example.org:8443" of "https://ann:x@hooks.example.org:8443/T0123?key=..."
std::string HostOf(std::string_view url) {
  url.remove_prefix(std::min(url.find("://") + 3, url.size()));
  url = url.substr(0, url.find_first_of("/?#"));
  const size_t at = url.rfind('@');
  return std::string(at == std::string_view::npos ? url : url.substr(at + 1));
}

bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

Result<void> CheckWebhook(WebhookSetting& setting) {
  const auto refuse = [](std::string what) { return Fail(ErrorCode::kInvalidArgument, std::move(what)); };
  const bool known = setting.url.starts_with("https://") || setting.url.starts_with("http://");
  const std::string host = HostOf(setting.url);
  if (!known || host.empty() || setting.url.size() > kMaxUrl || !IsPlain(setting.url))
    return refuse("'url' must be one of http or https");
  if (setting.name.empty()) setting.name = host;
  if (setting.name.size() > kMaxName || !IsPlain(setting.name))
    return refuse("'name' must be up to 63 letters, digits and signs");
  if (setting.secret.empty() == setting.secret_file.empty())
    return refuse("it needs either 'secret' or 'secretFile', by which receivers know who sends");
  for (const std::string& path : {setting.secret_file, setting.ca_file}) {
    if (!path.empty() && !path.starts_with('/')) return refuse("'" + path + "' must be an absolute path");
  }
  EventFilter filter;
  for (const auto& [key, value] : setting.filter) TRY(filter.Add(key, value));
  return {};
}

Result<std::string> SecretOf(const WebhookSetting& setting) {
  if (setting.secret_file.empty()) return setting.secret;
  TRY_ASSIGN(const auto file, PosixFileSystem().Open(setting.secret_file, OpenMode::kRead));
  std::string secret(kMaxSecret, '\0');
  TRY_ASSIGN(const size_t size, file->ReadAt(0, std::as_writable_bytes(std::span(secret))));
  secret.resize(size);
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (!secret.empty()) return secret;
  return Fail(ErrorCode::kInvalidArgument, "'" + setting.secret_file + "' holds no secret");
}

Result<std::string> SignatureOf(std::string_view secret, int64_t time, std::string_view body) {
  const std::string moment = std::to_string(time);
  const std::string text = moment + "." + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
           &length) == nullptr)
    return Fail(ErrorCode::kInternal, "cannot sign");
  std::string signature = "t=" + moment + ",v1=";
  for (unsigned i = 0; i < length; ++i) {
    signature += kHexDigits[digest[i] >> 4U];
    signature += kHexDigits[digest[i] & 0xfU];
  }
  return signature;
}

}  // namespace spawnd::daemon
