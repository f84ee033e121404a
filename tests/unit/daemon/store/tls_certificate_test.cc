/// The TLS pair: made, kept, replaced; and what OpenSSL's own tools and a verifier say about it.
#include "daemon/store/tls_certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

std::string Content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

mode_t ModeOf(const std::string& path) {
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  return st.st_mode & 07777;
}

std::unique_ptr<X509, void (*)(X509*)> Load(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "r");
  REQUIRE(file != nullptr);
  std::unique_ptr<X509, void (*)(X509*)> x509(PEM_read_X509(file, nullptr, nullptr, nullptr), X509_free);
  std::fclose(file);
  REQUIRE(x509 != nullptr);
  return x509;
}

TEST_CASE("a certificate is made for this host, private to the daemon") {
  const ScratchDirectory scratch;
  const auto made = EnsureTlsCertificate(scratch.Path());
  REQUIRE(made);
  CHECK(made->certificate_path == scratch / "tls/server.crt");
  CHECK(ModeOf(made->certificate_path) == 0600);
  CHECK(ModeOf(made->key_path) == 0600);
  CHECK(ModeOf(scratch / "tls") == 0700);
  const auto x509 = Load(made->certificate_path);
  CHECK(X509_check_host(x509.get(), "localhost", 0, 0, nullptr) == 1);
  CHECK(X509_check_ip_asc(x509.get(), "127.0.0.1", 0) == 1);
  CHECK(X509_check_ip_asc(x509.get(), "::1", 0) == 1);
  CHECK(X509_check_host(x509.get(), "example.com", 0, 0, nullptr) == 0);
  CHECK(X509_verify(x509.get(), X509_get0_pubkey(x509.get())) == 1);
  CHECK(EVP_PKEY_get_bits(X509_get0_pubkey(x509.get())) == 256);
  std::array<char, 64> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(x509.get()), NID_commonName, name.data(), name.size());
  CHECK(std::string(name.data()) == "spawnd");
  int days = 0;
  int seconds = 0;
  REQUIRE(ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(x509.get())) == 1);
  CHECK(days >= 3649);
  CHECK(days <= 3650);
}

TEST_CASE("a good pair is kept, one that ends soon is replaced") {
  const ScratchDirectory scratch;
  const auto now = std::chrono::system_clock::now();
  REQUIRE(EnsureTlsCertificate(scratch.Path(), now));
  const std::string first = Content(scratch / "tls/server.crt");
  REQUIRE(EnsureTlsCertificate(scratch.Path(), now + 24h * (3650 - 31)));
  CHECK(Content(scratch / "tls/server.crt") == first);
  REQUIRE(EnsureTlsCertificate(scratch.Path(), now + 24h * (3650 - 29)));
  CHECK(Content(scratch / "tls/server.crt") != first);
}

TEST_CASE("a pair that does not belong together, or is broken, is replaced") {
  const ScratchDirectory scratch;
  const ScratchDirectory other;
  REQUIRE(EnsureTlsCertificate(scratch.Path()));
  REQUIRE(EnsureTlsCertificate(other.Path()));
  const std::string crt = scratch / "tls/server.crt";
  const std::string key = scratch / "tls/server.key";
  const auto remade = [&] {
    const std::string before = Content(crt);
    REQUIRE(EnsureTlsCertificate(scratch.Path()));
    const std::string after = Content(crt);
    REQUIRE(EnsureTlsCertificate(scratch.Path()));
    return before != after && Content(crt) == after;  // once, and good from then on
  };
  std::ofstream(key) << Content(other / "tls/server.key");
  CHECK(remade());
  std::ofstream(crt) << "";
  CHECK(remade());
  std::ofstream(key) << Content(key).substr(0, 60);
  CHECK(remade());
  REQUIRE(std::filesystem::remove(key));
  CHECK(remade());
  CHECK(ModeOf(key) == 0600);
  CHECK_FALSE(std::filesystem::exists(key + ".tmp"));
}

TEST_CASE("a state directory that is not there is an error") {
  const ScratchDirectory scratch;
  CHECK_FALSE(EnsureTlsCertificate(scratch / "none"));
}

}  // namespace
}  // namespace spawnd::daemon
