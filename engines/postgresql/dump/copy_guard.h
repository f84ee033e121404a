/// Rows of a COPY ... FROM stdin whose table is not there. psql would read them as statements. For restores
/// that go on after errors: psql is asked to look first, and reads the rows into nothing where it has to.
/// Pure.
#pragma once

#include <string>
#include <string_view>

namespace spawnd::engines::postgresql {

/// A query that answers with what has to be run in the place of `sql`: itself, or, where the table or one of
/// its columns is missing, an error that says so, and a COPY that takes the rows and keeps none. The answer's
/// column is `spawnd_copy`. Empty for what is no COPY from standard input.
std::string CopyGuard(std::string_view sql);

}  // namespace spawnd::engines::postgresql
