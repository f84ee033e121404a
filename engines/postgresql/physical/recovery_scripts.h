/// The shell scripts that run in a build's container around the recovery of a foreign server's files
/// (base_recovery.h). What they find out for messages they print as lines of their own:
///
///   spawnd_refused WORDS            why the files cannot be recovered to the point in time
///   spawnd_from TIME                the end of the backup, where that is known
///   spawnd_to TIME                  the last transaction in the log, where that can be found out
///   spawnd_gap SEGMENT              the first segment that is missing while later ones are there
#pragma once

namespace spawnd::engines::postgresql {

/// What a source has of configuration and recovery settings may keep the server from starting: folders and
/// libraries of another machine, an archive, a primary to follow. It is put aside. Only settings of the
/// language of sessions are taken over; and where its files say up to which point they are to be recovered
/// (recovery.signal and recovery_target_time, as `pgbackrest restore` and `barman recover` write them), that,
/// unless the caller says something else.
///
/// A tablespace becomes a folder of the data directory, behind the link that the server expects.
///
/// With a backup_label the server has to recover up to the backup's end. Only as an archive recovery does it
/// insist on reaching that; the archive is one that has nothing, so that it takes what is in pg_wal. So it
/// does where logs were brought along, by the caller or by Barman, which restores them into barman_wal.
///
/// Arguments: the data directory; the point in time (RestoreOptions::at).
extern const char* const kTidyScript;

/// Runs the server that recovers, and then says, where that went wrong, which points in time there are.
///
/// Arguments: the data directory, pg_waldump, which need not be there, then the command.
extern const char* const kRecoverScript;

}  // namespace spawnd::engines::postgresql
