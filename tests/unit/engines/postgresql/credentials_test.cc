#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/scram.h"
#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

TEST_CASE("clients are told how to verify the server") {
  const auto strings =
      PostgresqlEngine().Connect({"127.0.0.1", 1}, {"u", "p", "a'b"}, "", {"/s/tls/ca.crt", false});
  CHECK(strings.environment.back() == std::pair<std::string, std::string>("PGSSLROOTCERT", "/s/tls/ca.crt"));
  CHECK(strings.client_command.back() ==
        "--dbname=dbname='a\\'b' sslmode=verify-full sslrootcert='/s/tls/ca.crt'");
}

TEST_CASE("Credentials have the agreed form and differ") {
  const Credentials a = PostgresqlEngine().MakeCredentials("");
  const Credentials b = PostgresqlEngine().MakeCredentials("Customers");
  CHECK(a.user.size() == std::string("spawn_admin_xxxx").size());
  CHECK(a.user.substr(0, 12) == "spawn_admin_");
  CHECK(a.user.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos);
  CHECK(a.password.size() == 16);
  CHECK(a.database == "postgres");
  CHECK(b.database == "Customers");
  CHECK(a.password != b.password);
}

TEST_CASE("Connection strings as clients read them") {
  const auto plain =
      PostgresqlEngine().Connect({"127.0.0.1", 15432}, {"spawn_admin_x7k2", "Secret16", "postgres"}, "", {});
  CHECK(plain.dotnet ==
        "Host=127.0.0.1;Port=15432;Username=spawn_admin_x7k2;Database=postgres;Password=Secret16");
  CHECK(plain.jdbc == "jdbc:postgresql://127.0.0.1:15432/postgres?user=spawn_admin_x7k2&password=Secret16");
  CHECK(plain.url == "postgresql://spawn_admin_x7k2:Secret16@127.0.0.1:15432/postgres");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(plain.environment == Pairs{{"PGHOST", "127.0.0.1"},
                                   {"PGPORT", "15432"},
                                   {"PGUSER", "spawn_admin_x7k2"},
                                   {"PGPASSWORD", "Secret16"},
                                   {"PGDATABASE", "postgres"},
                                   {"DATABASE_URL", plain.url}});
  CHECK(plain.client_command == std::vector<std::string>{"psql", "--host=127.0.0.1", "--port=15432",
                                                         "--username=spawn_admin_x7k2", "--dbname=postgres"});
}

TEST_CASE("Odd names are encoded") {
  const auto odd = PostgresqlEngine().Connect({"::1", 1}, {"u", "p", "a b/\"c\";&"}, "a b/\"c\";&", {});
  CHECK(odd.url == "postgresql://u:p@[::1]:1/a%20b%2F%22c%22%3B%26");
  CHECK(odd.dotnet == "Host=::1;Port=1;Username=u;Database=\"a b/\"\"c\"\";&\";Password=p");
}

TEST_CASE("The .NET string names the database that was asked for, everything else the one that is there") {
  const Credentials restored{"u", "p", "pagila"};
  const auto strings = PostgresqlEngine().Connect({"h", 1}, restored, "", {});
  CHECK(strings.dotnet == "Host=h;Port=1;Username=u;Database=postgres;Password=p");
  CHECK(strings.url == "postgresql://u:p@h:1/pagila");
  CHECK(strings.jdbc.find("/pagila?") != std::string::npos);
  CHECK(strings.client_command.back() == "--dbname=pagila");
  CHECK(PostgresqlEngine().Connect({"h", 1}, restored, "Shop", {}).dotnet ==
        "Host=h;Port=1;Username=u;Database=Shop;Password=p");
}

TEST_CASE("A verifier has its salt of its own and never the password") {
  const std::string a = *ScramVerifier("pencil");
  const std::string b = *ScramVerifier("pencil");
  CHECK(a != b);
  CHECK(a.substr(0, 19) == "SCRAM-SHA-256$4096:");
  // 16 bytes of salt and two keys of 32 bytes, in base64.
  CHECK(a.size() == 19 + 24 + 1 + 44 + 1 + 44);
  CHECK(a.find("pencil") == std::string::npos);
}

}  // namespace
}  // namespace spawnd::engines::postgresql
