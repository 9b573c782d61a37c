// outlive-host: the embedded runtime, with runc's command line. It runs processes of OCI bundles on the host, without
// isolation, and ends what they leave behind (docs/host-runtime.md).
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "common/descriptors.h"
#include "common/files.h"
#include "common/pidfd.h"
#include "common/proc.h"
#include "host/command_line.h"
#include "host/commands/commands.h"
#include "host/log.h"
#include "host/reason.h"
#include "host/state/store.h"

namespace {

constexpr char kVersion[] = "outlive-host version 0.1.0\nspec: 1.0.2\n";

// Refuses a system on which a pid could be a stranger's, or on which what is started could not be ended.
bool check_system(CommandLine* line, TextBuilder& error) {
  int err = check_proc(&line->ignored_signals);
  if (err == -EXDEV) {
    error.add(kForeignProc);
    return false;
  }
  if (err < 0) {
    add_reason(error.add("cannot read /proc: "), err);
    return false;
  }
  UniqueFd pidfd(open_pidfd(getpid()));
  err = pidfd.valid() ? signal_pidfd(pidfd.get(), 0) : pidfd.get();
  if (err < 0) add_reason(error.add(pidfd.valid() ? "pidfd_send_signal: " : "pidfd_open: "), err);
  return err == 0;
}

bool do_command(CommandLine& line, Reason& error) {
  if (line.action == Action::Help) return write_all(STDOUT_FILENO, kHelp) == 0;
  if (line.action == Action::Version) return write_all(STDOUT_FILENO, kVersion) == 0;
  if (!is_valid_id(line.id)) {
    error.add("invalid container id \"").add(line.id).add("\": [A-Za-z0-9][A-Za-z0-9_.+-]*, at most 255 bytes");
    return false;
  }
  if (!check_system(&line, error)) return false;
  switch (line.action) {
    case Action::Run:
      return run_command(line, error);
    case Action::Create:
      return create_command(line, error);
    case Action::Start:
      return start_command(line, error);
    case Action::Exec:
      return exec_command(line, error);
    case Action::State:
      return state_command(line, error);
    case Action::Kill:
      return kill_command(line, error);
    case Action::Pause:
      return pause_command(line, error);
    case Action::Resume:
      return resume_command(line, error);
    case Action::Ps:
      return ps_command(line, error);
    case Action::Events:
      return events_command(line, error);
    case Action::Update:
      return update_command(line, error);
    case Action::Delete:
      return delete_command(line, error);
    default:
      return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (fill_standard_descriptors() < 0) return 1;
  CommandLine line;
  // So that our own files get the modes that we name. The process gets the caller's, or the config's.
  line.umask = umask(022);
  HostLog log;
  Reason error;
  bool understood = parse_command_line(argc, argv, &line, error);
  if (line.log != nullptr) {
    int err = log.open(line.log, strcmp(line.log_format, "json") == 0);
    if (err < 0) {
      Text<4096> why;
      add_reason(why.add("log ").add(line.log).add(": "), err);
      log.error(why.view());
      return 1;
    }
  }
  if (understood && do_command(line, error)) return 0;
  log.error(error.view(), &error.call, error.code);
  return 1;
}
