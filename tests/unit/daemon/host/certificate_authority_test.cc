/// The authority and what it issues: made, kept, replaced; and what a verifier says about the certificates.
#include "daemon/host/certificate_authority.h"

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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

using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

Certificate Parse(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
  Certificate x509(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  REQUIRE(x509 != nullptr);
  return x509;
}

std::string NameOf(X509* x509) {
  std::array<char, 100> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, name.data(), name.size());
  return name.data();
}

int DaysLeft(X509* x509) {
  int days = 0;
  int seconds = 0;
  REQUIRE(ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(x509)) == 1);
  return days;
}

/// What a client that trusts `authority` alone says of a server with this certificate.
bool Verifies(const CertificateAuthority& authority, X509* server) {
  const Certificate root = Parse(authority.Pem());
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
  REQUIRE(X509_STORE_add_cert(store.get(), root.get()) == 1);
  REQUIRE(X509_STORE_CTX_init(context.get(), store.get(), server, nullptr) == 1);
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context.get()), X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  return X509_verify_cert(context.get()) == 1;
}

CertificateAuthority Open(const ScratchDirectory& state,
                          CertificateAuthority::Time now = std::chrono::system_clock::now()) {
  auto opened = CertificateAuthority::Open(state.Path(), now);
  REQUIRE(opened);
  return std::move(*opened);
}

TEST_CASE("everybody may read the authority, nobody but root its key") {
  const ScratchDirectory state;
  const CertificateAuthority authority = Open(state);
  CHECK(authority.Path() == state / "tls/ca.crt");
  CHECK(Content(authority.Path()) == authority.Pem());
  CHECK(ModeOf(state / "tls") == 0711);
  CHECK(ModeOf(state / "tls/ca.crt") == 0644);
  CHECK(ModeOf(state / "tls/ca.key") == 0600);
  CHECK(Content(state / "tls/my.cnf") == "[client]\nssl-ca=" + authority.Path() + "\n");
  CHECK(authority.Pem().find("PRIVATE") == std::string::npos);
  const Certificate x509 = Parse(authority.Pem());
  CHECK(X509_check_ca(x509.get()) == 1);
  CHECK(X509_verify(x509.get(), X509_get0_pubkey(x509.get())) == 1);
  CHECK(EVP_PKEY_get_bits(X509_get0_pubkey(x509.get())) == 256);
  CHECK(NameOf(x509.get()).rfind("spawnd on ", 0) == 0);
  CHECK(DaysLeft(x509.get()) >= 3649);
}

TEST_CASE("a server's certificate is for its names, and for nothing else") {
  const ScratchDirectory state;
  const CertificateAuthority authority = Open(state);
  const auto issued =
      authority.Issue("container 10001", {"localhost", "127.0.0.1", "::1", "10.1.2.3", "ci-1"});
  REQUIRE(issued);
  const Certificate x509 = Parse(issued->certificate);
  CHECK(Verifies(authority, x509.get()));
  CHECK(X509_check_host(x509.get(), "localhost", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(x509.get(), "ci-1", 0, 0, nullptr) == 1);
  CHECK(X509_check_ip_asc(x509.get(), "127.0.0.1", 0) == 1);
  CHECK(X509_check_ip_asc(x509.get(), "::1", 0) == 1);
  CHECK(X509_check_ip_asc(x509.get(), "10.1.2.3", 0) == 1);
  CHECK(X509_check_ip_asc(x509.get(), "10.1.2.4", 0) == 0);
  CHECK(X509_check_host(x509.get(), "example.com", 0, 0, nullptr) == 0);
  CHECK(X509_check_ca(x509.get()) == 0);
  CHECK(NameOf(x509.get()) == "container 10001");
  CHECK(DaysLeft(x509.get()) >= 3649);
  // Whoever has it cannot sign another.
  CHECK(X509_get_key_usage(x509.get()) == KU_DIGITAL_SIGNATURE);
}

TEST_CASE("each server has a key of its own") {
  const ScratchDirectory state;
  const CertificateAuthority authority = Open(state);
  const auto one = authority.Issue("container 1", {"localhost"});
  const auto two = authority.Issue("container 2", {"localhost"});
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->key.find("PRIVATE KEY") != std::string::npos);
  CHECK(one->key != two->key);
  CHECK(one->key != Content(state / "tls/ca.key"));
}

TEST_CASE("another authority's servers are not believed") {
  const ScratchDirectory state;
  const ScratchDirectory other_state;
  const CertificateAuthority authority = Open(state);
  const auto issued = Open(other_state).Issue("container 10001", {"localhost"});
  REQUIRE(issued);
  CHECK_FALSE(Verifies(authority, Parse(issued->certificate).get()));
}

TEST_CASE("a name that would mean something to OpenSSL stands in no certificate") {
  const ScratchDirectory state;
  const CertificateAuthority authority = Open(state);
  const auto issued =
      authority.Issue("container 1", {"", "a,DNS:example.com", "x\nDNS:example.com", "localhost"});
  REQUIRE(issued);
  const Certificate x509 = Parse(issued->certificate);
  CHECK(X509_check_host(x509.get(), "localhost", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(x509.get(), "example.com", 0, 0, nullptr) == 0);
}

TEST_CASE("a good authority is kept, one that ends soon is replaced") {
  const ScratchDirectory state;
  const auto now = std::chrono::system_clock::now();
  const std::string first = Open(state, now).Pem();
  CHECK(Open(state, now + 24h * (3650 - 31)).Pem() == first);
  CHECK(Open(state, now + 24h * (3650 - 29)).Pem() != first);
}

TEST_CASE("an authority whose files do not belong together, or are broken, is replaced") {
  const ScratchDirectory state;
  const ScratchDirectory other;
  const std::string first = Open(state).Pem();
  Open(other);
  std::ofstream(state / "tls/ca.key") << Content(other / "tls/ca.key");
  const std::string second = Open(state).Pem();
  CHECK(second != first);
  std::ofstream(state / "tls/ca.crt") << "garbage";
  const CertificateAuthority third = Open(state);
  CHECK(third.Pem() != second);
  CHECK(ModeOf(state / "tls/ca.key") == 0600);
  const auto issued = third.Issue("container 1", {"localhost"});
  REQUIRE(issued);
  CHECK(Verifies(third, Parse(issued->certificate).get()));
  CHECK(Open(state).Pem() == third.Pem());
}

TEST_CASE("a server's names are how clients reach it") {
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::array<char, 256> host{};
  REQUIRE(::gethostname(host.data(), host.size() - 1) == 0);
  for (const std::string address : {"127.0.0.1", "10.1.2.3", "0.0.0.0", "::"}) {
    const auto names = NamesOfServer({address});
    for (const std::string& name : {std::string("localhost"), std::string("127.0.0.1"), std::string("::1"),
                                    std::string(host.data()), address}) {
      INFO(address << " " << name);
      CHECK(has(names, name));
    }
  }
}

}  // namespace
}  // namespace spawnd::daemon
