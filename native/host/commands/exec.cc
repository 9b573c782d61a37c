// `exec -d`: one more process in a running container. It is recorded before it is let go, like the first one.
#include <errno.h>

#include "common/pidfd.h"
#include "host/cgroup/cgroup.h"
#include "host/commands/commands.h"
#include "host/launch/console.h"
#include "host/launch/launch.h"
#include "host/launch/pid_file.h"
#include "host/reason.h"
#include "host/state/container.h"

namespace {

// Drops processes that are gone. Otherwise a long life with many execs would make state.json grow without limit.
void drop_gone(HeapArray<ProcessIdentity>* list) {
  HeapArray<ProcessIdentity> left;
  for (const ProcessIdentity& who : *list) {
    UniqueFd pidfd;
    // In doubt, keep it.
    bool gone = open_process(who, &pidfd) == -ESRCH || (pidfd.valid() && has_ended(pidfd.get()));
    if (!gone && !left.push(who)) return;
  }
  list->clear();
  for (const ProcessIdentity& who : left) (void)list->push(who);
}

// In the child (launch.h).
bool record(void* owner, pid_t pid, TextBuilder& error) {
  Container& container = *static_cast<Container*>(owner);
  ProcessIdentity who;
  int err = identify(pid, &who);
  if (err == 0 && !container.state().execs.push(who)) err = -ENOMEM;
  if (err < 0) {
    add_reason(error.add("cannot read the identity of the process: "), err);
    return false;
  }
  if (!container.save(error)) return false;
  container.unlock();
  return true;
}

}  // namespace

bool exec_command(const CommandLine& line, Reason& error) {
  ConfigFile config(line.umask, line.ignored_signals);
  Container container;
  UniqueFd cgroup_fd, terminal_fd;
  Launched launched;
  if (!config.load(line.process_file, ConfigKind::Exec, error)) return false;
  if (!check_console(config.process(), line.console_socket, error)) return false;
  if (container.open_locked(line, error) < 0 || !container.load(error)) return false;
  Status status = container.status();
  if (status != Status::Running && status != Status::Created) {
    error.add("cannot exec in a ").add(status == Status::Paused ? "paused" : "stopped").add(" container");
    return false;
  }
  (void)open_cgroup(container.fd(), &cgroup_fd);
  if (!open_console(config.process(), line.console_socket, &terminal_fd, error)) return false;
  drop_gone(&container.state().execs);
  drop_gone(&container.state().adopters);
  if (!add_adopter(&container.state())) {
    add_reason(error.add("cannot read the identity of the shim: "), ENOMEM);
    return false;
  }
  if (!launched.run({config.process(), terminal_fd.get(), -1, cgroup_fd.get(), record, &container}, error))
    return false;
  // Race: to a `delete` we are a member, which it kills. If that came after the pid file, the process would be known as
  // started, and the shim would take its start for failed. So no delete may come in between, until we have exited.
  if (container.lock_until_exit(line, error) < 0) return false;
  if (!write_pid_file(line.pid_file, launched.pid(), error)) return false;
  leave_running();
}
