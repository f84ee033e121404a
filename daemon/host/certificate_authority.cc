#include "daemon/host/certificate_authority.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/file.h"

namespace spawnd::daemon {
namespace {

constexpr long kDay = 24 * 60 * 60;
constexpr int kLifetimeDays = 3650;
constexpr int kRenewDays = 30;
constexpr size_t kMaxPemBytes = 64 * 1024;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free_all>>;

tl::unexpected<Error> FailOpenSsl(std::string_view what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return Fail(ErrorCode::kInternal,
              std::string(what) + ": " + (reason != nullptr ? reason : "openssl failed"));
}

Result<std::string> ReadPem(const std::string& path) {
  TRY_ASSIGN(const auto file, PosixFileSystem().Open(path, OpenMode::kRead));
  std::string text(kMaxPemBytes, '\0');
  TRY_ASSIGN(const size_t size, file->ReadAt(0, std::as_writable_bytes(std::span(text))));
  text.resize(size);
  return text;
}

Memory MemoryOf(const std::string& text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// True when both are there, belong together and the certificate holds for a while yet.
bool IsUsable(const Certificate& certificate, const Key& key, std::chrono::system_clock::time_point now) {
  time_t until = std::chrono::system_clock::to_time_t(now) + kRenewDays * kDay;
  const bool usable = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1 &&
                      X509_check_ca(certificate.get()) == 1 &&
                      X509_cmp_time(X509_get0_notAfter(certificate.get()), &until) > 0;
  ERR_clear_error();
  return usable;
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool IsAddress(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

/// The value is a small language of OpenSSL's own: only letters that cannot mean anything in it.
bool IsHostName(const std::string& text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
             std::string::npos;
}

std::string AlternativeNames(const std::vector<std::string>& names) {
  std::string value;
  for (const std::string& name : names) {
    const bool address = IsAddress(name);
    if (!address && !IsHostName(name)) continue;
    value += (value.empty() ? "" : ",") + std::string(address ? "IP:" : "DNS:") + name;
  }
  return value;
}

bool SetSerial(X509* certificate) {
  // 127 random bits: positive, and unique for all practical purposes (RFC 5280 section 4.1.2.2).
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] &= 0x7F;
  const Number number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetName(X509* certificate, const std::string& common_name) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(common_name.data());
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, bytes,
                                    static_cast<int>(common_name.size()), -1, 0) == 1;
}

/// As X509_set_pubkey, which in OpenSSL 3 decodes what it has just encoded: 200 us, on the path of every
/// create. `key` is of the curve that all keys here are of.
bool SetPublicKey(X509* certificate, EVP_PKEY* key) {
  unsigned char* point = nullptr;
  const size_t size = EVP_PKEY_get1_encoded_public_key(key, &point);
  if (size == 0) return false;
  // Takes the point over when it succeeds.
  const bool set = X509_PUBKEY_set0_param(
                       X509_get_X509_PUBKEY(certificate), OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
                       V_ASN1_OBJECT, OBJ_nid2obj(NID_X9_62_prime256v1), point, static_cast<int>(size)) == 1;
  if (!set) OPENSSL_free(point);
  return set;
}

/// With key, serial and name, and valid from now; the rest is its maker's.
Certificate Begin(EVP_PKEY* key, const std::string& common_name, std::chrono::system_clock::time_point now) {
  Certificate certificate(X509_new());
  time_t seconds = std::chrono::system_clock::to_time_t(now);
  const bool ok = certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                  SetSerial(certificate.get()) && SetName(certificate.get(), common_name) &&
                  // A day back: a client's clock may be behind ours.
                  X509_time_adj_ex(X509_getm_notBefore(certificate.get()), -1, 0, &seconds) != nullptr &&
                  SetPublicKey(certificate.get(), key);
  return ok ? std::move(certificate) : nullptr;
}

std::string HostName() {
  std::array<char, 256> host{};
  return ::gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "";
}

Result<Certificate> MakeAuthority(EVP_PKEY* key, std::chrono::system_clock::time_point now) {
  Certificate made = Begin(key, "spawnd on " + HostName().substr(0, 48), now);
  X509* x509 = made.get();
  time_t seconds = std::chrono::system_clock::to_time_t(now);
  const bool ok =
      x509 != nullptr && X509_time_adj_ex(X509_getm_notAfter(x509), kLifetimeDays, 0, &seconds) != nullptr &&
      X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1 &&
      AddExtension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      AddExtension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      AddExtension(x509, x509, NID_subject_key_identifier, "hash") && X509_sign(x509, key, EVP_sha256()) > 0;
  if (!ok) return FailOpenSsl("cannot make a certificate authority");
  return made;
}

template <typename WriteObject>
Result<std::string> ToPem(WriteObject write) {
  const Memory bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return FailOpenSsl("cannot write a certificate");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

Result<std::string> KeyToPem(EVP_PKEY* key) {
  return ToPem([key](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

/// A file that says so already gets its mode and nothing else: a daemon starts on a full disk, too.
Result<void> Store(const std::string& path, const std::string& text, mode_t mode) {
  if (ReadPem(path).value_or("") == text && ::chmod(path.c_str(), mode) == 0) return {};
  FileSystem& fs = PosixFileSystem();
  const std::string temporary = path + ".tmp";
  {
    TRY_ASSIGN(const auto file, fs.Open(temporary, OpenMode::kCreate));
    TRY(file->Truncate(0));
    TRY(file->WriteAt(0, std::as_bytes(std::span(text))));
    TRY(file->Sync());
  }
  if (::chmod(temporary.c_str(), mode) != 0) {
    return FailErrno(errno, "cannot set the mode of '" + temporary + "'");
  }
  TRY(fs.Rename(temporary, path));
  return fs.SyncDirectory(DirectoryOf(path));
}

void AddAddress(const sockaddr* address, std::vector<std::string>& names) {
  if (address == nullptr) return;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address->sa_family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
  } else if (address->sa_family == AF_INET6) {
    bytes = &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  }
  if (bytes != nullptr && ::inet_ntop(address->sa_family, bytes, text.data(), text.size()) != nullptr) {
    names.emplace_back(text.data());
  }
}

}  // namespace

Result<CertificateAuthority> CertificateAuthority::Open(const std::string& state_directory, Time now) {
  const std::string directory = state_directory + "/tls";
  const std::string path = directory + "/ca.crt";
  const std::string key_path = directory + "/ca.key";
  TRY(PosixFileSystem().CreateDirectory(directory));
  // Everything else that reads them makes them anew, an unreadable one too.
  const std::string old_pem = ReadPem(path).value_or("");
  const std::string old_key = ReadPem(key_path).value_or("");
  Certificate certificate(PEM_read_bio_X509(MemoryOf(old_pem).get(), nullptr, nullptr, nullptr));
  Key key(PEM_read_bio_PrivateKey(MemoryOf(old_key).get(), nullptr, nullptr, nullptr));
  if (!IsUsable(certificate, key, now)) {
    key.reset(EVP_EC_gen("P-256"));
    if (!key) return FailOpenSsl("cannot make a key");
    TRY_ASSIGN(certificate, MakeAuthority(key.get(), now));
    // Two files, two renames: a crash between them leaves a pair that does not belong together, which the
    // next start sees and replaces.
    TRY_ASSIGN(const std::string key_pem, KeyToPem(key.get()));
    TRY(Store(key_path, key_pem, 0600));
  }
  TRY_ASSIGN(std::string pem, ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }));
  // Each time: with the folder, for everybody to read, whatever somebody made of their modes.
  TRY(Store(path, pem, 0644));
  TRY(Store(directory + "/my.cnf", "[client]\nssl-ca=" + path + "\n", 0644));
  if (::chmod(directory.c_str(), 0711) != 0) {
    return FailErrno(errno, "cannot set the mode of '" + directory + "'");
  }
  return CertificateAuthority(path, std::move(pem), std::move(certificate), std::move(key));
}

Result<IssuedCertificate> CertificateAuthority::Issue(const std::string& common_name,
                                                      const std::vector<std::string>& names, Time now) const {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return FailOpenSsl("cannot make a key");
  const Certificate made = Begin(key.get(), common_name, now);
  X509* x509 = made.get();
  X509* issuer = certificate_.get();
  const bool ok = x509 != nullptr && X509_set1_notAfter(x509, X509_get0_notAfter(issuer)) == 1 &&
                  X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1 &&
                  AddExtension(x509, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                  AddExtension(x509, issuer, NID_key_usage, "critical,digitalSignature") &&
                  AddExtension(x509, issuer, NID_ext_key_usage, "serverAuth") &&
                  AddExtension(x509, issuer, NID_authority_key_identifier, "keyid:always") &&
                  AddExtension(x509, issuer, NID_subject_alt_name, AlternativeNames(names)) &&
                  X509_sign(x509, key_.get(), EVP_sha256()) > 0;
  if (!ok) return FailOpenSsl("cannot make a certificate");
  IssuedCertificate issued;
  TRY_ASSIGN(issued.certificate, ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, x509); }));
  TRY_ASSIGN(issued.key, KeyToPem(key.get()));
  return issued;
}

std::vector<std::string> NamesOfServer(const std::vector<std::string>& addresses,
                                       const std::string& advertised) {
  // The address itself also when it stands for all: it is what is printed, and it works on this machine.
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1", HostName()};
  names.insert(names.end(), addresses.begin(), addresses.end());
  if (!advertised.empty()) names.push_back(advertised);
  ifaddrs* all = nullptr;
  const bool on_all = std::any_of(addresses.begin(), addresses.end(), [](const std::string& address) {
    return address == "0.0.0.0" || address == "::";
  });
  if (on_all && ::getifaddrs(&all) == 0) {
    for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) AddAddress(one->ifa_addr, names);
    ::freeifaddrs(all);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace spawnd::daemon
