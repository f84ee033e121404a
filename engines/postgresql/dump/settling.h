/// What is looked at once a backup has been restored, whatever it did and however: what it made of the roles
/// that are spawnd's own, of databases that let nobody in, of subscriptions. Pure.
#pragma once

#include <string>

namespace spawnd::engines::postgresql {

/// One statement, for the superuser `user` of the build. Puts right what keeps the server from being used or
/// would reach another one, and raises a warning for each thing.
std::string SettlingStatement(const std::string& user, int server_major);

}  // namespace spawnd::engines::postgresql
