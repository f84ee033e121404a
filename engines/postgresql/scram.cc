#include "engines/postgresql/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>

namespace spawnd::engines::postgresql {
namespace {

/// RFC 7677 asks for at least this, and pgjdbc refuses less. Ours are 95 random bits, more rounds would add
/// nothing.
constexpr int kIterations = 4096;
constexpr size_t kSaltBytes = 16;
constexpr size_t kKeyBytes = 32;

using Key = std::array<unsigned char, kKeyBytes>;

template <size_t kSize>
std::string Base64(const std::array<unsigned char, kSize>& bytes) {
  std::array<unsigned char, (kSize + 2) / 3 * 4 + 1> text{};
  const int length = EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(kSize));
  return {reinterpret_cast<const char*>(text.data()), static_cast<size_t>(length)};
}

bool Hmac(const Key& key, std::string_view text, Key& out) {
  unsigned int length = 0;
  return HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(),
              &length) != nullptr;
}

}  // namespace

Result<std::string> ScramVerifier(std::string_view password) {
  std::array<unsigned char, kSaltBytes> salt{};
  Key salted{};
  Key client_key{};
  Key stored_key{};
  Key server_key{};
  unsigned int length = 0;
  // RFC 5802's Hi() is PBKDF2 with one block of output.
  const bool ok = RAND_bytes(salt.data(), static_cast<int>(salt.size())) == 1 &&
                  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(),
                                    static_cast<int>(salt.size()), kIterations, EVP_sha256(),
                                    static_cast<int>(salted.size()), salted.data()) == 1 &&
                  Hmac(salted, "Client Key", client_key) &&
                  EVP_Digest(client_key.data(), client_key.size(), stored_key.data(), &length, EVP_sha256(),
                             nullptr) == 1 &&
                  Hmac(salted, "Server Key", server_key);
  if (!ok) return Fail(ErrorCode::kInternal, "cannot compute the password's verifier: OpenSSL failed");
  return "SCRAM-SHA-256$" + std::to_string(kIterations) + ":" + Base64(salt) + "$" + Base64(stored_key) +
         ":" + Base64(server_key);
}

}  // namespace spawnd::engines::postgresql
