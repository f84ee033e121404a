/// The rows of the command table, one function a verb family. A row's flags, examples and the function that
/// does the work stand in the family's file; commands.cc joins the rows in the order of help. A row's
/// function returns the exit code; an error that it returns is shown by main.
#pragma once

#include <span>

#include "client/command/command.h"

namespace spawnd::client {

std::span<const Command> AccessTokenCommands();    // access_token.cc
std::span<const Command> CompletionCommands();     // completion.cc
std::span<const Command> ContextCommands();        // context.cc
std::span<const Command> DaemonCommands();         // daemon.cc
std::span<const Command> DataContainerCommands();  // data_container.cc
std::span<const Command> DataImageCommands();      // data_image.cc
std::span<const Command> DataSourceCommands();     // data_source.cc
std::span<const Command> DialCommands();           // dial.cc
std::span<const Command> DoctorCommands();         // doctor.cc
std::span<const Command> EngineCommands();         // engine.cc
std::span<const Command> EventCommands();          // events.cc
std::span<const Command> LogCommands();            // logs.cc
std::span<const Command> MetricsCommands();        // metrics.cc
std::span<const Command> RevisionCommands();       // revisions.cc
std::span<const Command> StartCommands();          // start.cc
std::span<const Command> TransferCommands();       // transfer.cc
std::span<const Command> UseCommands();            // use.cc

}  // namespace spawnd::client
