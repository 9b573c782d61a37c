// outlive-host: the embedded runtime, with runc's command line. It runs processes of OCI bundles on the host, without
// isolation, and ends what they leave behind (docs/host-runtime.md).
#include <errno.h>
#include <sys/stat.h>

#include <cstring>

#include "common/descriptors.h"
#include "common/files.h"
#include "host/command_line.h"
#include "host/commands/commands.h"
#include "host/log.h"
#include "host/reason.h"
#include "host/state/store.h"

namespace {

constexpr char kVersion[] = "outlive-host version 0.1.0\nspec: 1.0.2\n";

bool do_command(const CommandLine& line, Reason& error) {
  if (line.action == Action::Help) return write_all(STDOUT_FILENO, kHelp) == 0;
  if (line.action == Action::Version) return write_all(STDOUT_FILENO, kVersion) == 0;
  if (!is_valid_id(line.id)) {
    error.add("invalid container id \"").add(line.id).add("\": [A-Za-z0-9][A-Za-z0-9_.+-]*, at most 255 bytes");
    return false;
  }
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
  // So that our own files get the modes that we name. The process's umask is set later.
  umask(022);
  CommandLine line;
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
  log.error(error.view(), &error.call);
  return 1;
}
