// outlive-host: the embedded runtime, with runc's command line. Runs processes of OCI bundles on the host, without
// isolation, and ends what they leave behind (docs/host-runtime.md).
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>

#include "common/files.h"
#include "host/command_line.h"
#include "host/commands/commands.h"
#include "host/log.h"
#include "host/state/store.h"

namespace {

constexpr char kVersion[] = "outlive-host version 0.1.0\nspec: 1.0.2\n";

// A closed 0, 1 or 2 would be given to the next file that is opened, and that would become the process's stdio.
bool fill_standard_descriptors() {
  for (int fd = 0; fd < 3; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (open("/dev/null", O_RDWR) != fd) return false;
  }
  return true;
}

bool do_command(const CommandLine& line, TextBuilder& error) {
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
  if (!fill_standard_descriptors()) return 1;
  // What we make has the mode that we name. The process gets its own.
  umask(022);
  CommandLine line;
  Report report;
  Text<4096> error;
  bool understood = parse_command_line(argc, argv, &line, error);
  if (line.log != nullptr) {
    int err = report.open(line.log, strcmp(line.log_format, "json") == 0);
    if (err < 0) {
      Text<4096> why;
      add_reason(why.add("log ").add(line.log).add(": "), err);
      report.error(why.view());
      return 1;
    }
  }
  if (understood && do_command(line, error)) return 0;
  report.error(error.view());
  return 1;
}
