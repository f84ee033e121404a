#include "daemon/store/tls_certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <memory>
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

/// True when both files are there, belong together and the certificate holds for a while yet. Everything else
/// is no error: the pair is made anew.
bool IsUsable(const TlsCertificate& paths, std::chrono::system_clock::time_point now) {
  const auto certificate_pem = ReadPem(paths.certificate_path);
  const auto key_pem = ReadPem(paths.key_path);
  if (!certificate_pem || !key_pem) return false;
  const Memory certificate_bio(
      BIO_new_mem_buf(certificate_pem->data(), static_cast<int>(certificate_pem->size())));
  const Memory key_bio(BIO_new_mem_buf(key_pem->data(), static_cast<int>(key_pem->size())));
  const Certificate certificate(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
  const Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  bool usable = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  if (usable) {
    time_t until = std::chrono::system_clock::to_time_t(now) + kRenewDays * kDay;
    usable = X509_cmp_time(X509_get0_notAfter(certificate.get()), &until) > 0;
  }
  ERR_clear_error();
  return usable;
}

bool AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

std::string AlternativeNames() {
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) {
    const std::string name = host.data();
    // The value is a small language of OpenSSL's own: only letters that cannot mean anything in it.
    if (!name.empty() && name != "localhost" &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
            std::string::npos) {
      names += ",DNS:" + name;
    }
  }
  return names;
}

bool SetSerial(X509* certificate) {
  // 127 random bits: positive, and unique for all practical purposes (RFC 5280 section 4.1.2.2).
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] &= 0x7F;
  const Number number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

Result<Certificate> MakeCertificate(EVP_PKEY* key, std::chrono::system_clock::time_point now) {
  Certificate certificate(X509_new());
  if (!certificate) return FailOpenSsl("cannot make a certificate");
  X509* x509 = certificate.get();
  time_t seconds = std::chrono::system_clock::to_time_t(now);
  X509_NAME* name = X509_get_subject_name(x509);
  const auto* common_name = reinterpret_cast<const unsigned char*>("spawnd");
  const bool ok = X509_set_version(x509, X509_VERSION_3) == 1 && SetSerial(x509) &&
                  // A day back: a client's clock may be behind ours.
                  X509_time_adj_ex(X509_getm_notBefore(x509), -1, 0, &seconds) != nullptr &&
                  X509_time_adj_ex(X509_getm_notAfter(x509), kLifetimeDays, 0, &seconds) != nullptr &&
                  X509_set_pubkey(x509, key) == 1 &&
                  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
                  X509_set_issuer_name(x509, name) == 1 &&
                  AddExtension(x509, NID_basic_constraints, "critical,CA:FALSE") &&
                  AddExtension(x509, NID_ext_key_usage, "serverAuth") &&
                  AddExtension(x509, NID_subject_alt_name, AlternativeNames()) &&
                  X509_sign(x509, key, EVP_sha256()) > 0;
  if (!ok) return FailOpenSsl("cannot make a certificate");
  return certificate;
}

template <typename WriteObject>
Result<std::string> ToPem(WriteObject write) {
  const Memory bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return FailOpenSsl("cannot write a certificate");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

Result<void> Store(const std::string& path, const std::string& text) {
  FileSystem& fs = PosixFileSystem();
  const std::string temporary = path + ".tmp";
  {
    TRY_ASSIGN(const auto file, fs.Open(temporary, OpenMode::kCreate));
    TRY(file->Truncate(0));
    TRY(file->WriteAt(0, std::as_bytes(std::span(text))));
    TRY(file->Sync());
  }
  TRY(fs.Rename(temporary, path));
  return fs.SyncDirectory(DirectoryOf(path));
}

}  // namespace

Result<TlsCertificate> EnsureTlsCertificate(const std::string& state_directory,
                                            std::chrono::system_clock::time_point now) {
  const std::string directory = state_directory + "/tls";
  const TlsCertificate paths{directory + "/server.crt", directory + "/server.key"};
  TRY(PosixFileSystem().CreateDirectory(directory));
  if (IsUsable(paths, now)) return paths;

  const Key key(EVP_EC_gen("P-256"));
  if (!key) return FailOpenSsl("cannot make a key");
  TRY_ASSIGN(const Certificate certificate, MakeCertificate(key.get(), now));
  TRY_ASSIGN(const std::string key_pem, ToPem([&](BIO* bio) {
               return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
             }));
  TRY_ASSIGN(const std::string certificate_pem,
             ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }));
  // Two files, two renames: a crash between them leaves a pair that does not belong together, which the next
  // start sees and replaces.
  TRY(Store(paths.key_path, key_pem));
  TRY(Store(paths.certificate_path, certificate_pem));
  return paths;
}

}  // namespace spawnd::daemon
