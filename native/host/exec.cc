// `exec -d`: one more process in a running container. Recorded before it is let go, as the first one is.
#include <errno.h>

#include "host/cgroup.h"
#include "host/commands.h"
#include "host/launch.h"
#include "host/report.h"
#include "host/start.h"
#include "host/state.h"
#include "host/store.h"

namespace {

// Those that are gone need no record; else a long life with many execs would grow the file without end.
void drop_gone(HeapArray<ProcessIdentity>* list) {
  HeapArray<ProcessIdentity> left;
  for (const ProcessIdentity& who : *list) {
    UniqueFd pidfd;
    // In doubt it is kept.
    bool gone = open_process(who, &pidfd) == -ESRCH || (pidfd.valid() && has_ended(pidfd.get()));
    if (!gone && !left.push(who)) return;
  }
  list->clear();
  for (const ProcessIdentity& who : left) (void)list->push(who);
}

bool record(int container_fd, ContainerState* state, pid_t pid, TextBuilder& error) {
  ProcessIdentity who;
  drop_gone(&state->execs);
  drop_gone(&state->adopters);
  int err = identify(pid, &who);
  if (err == 0 && (!state->execs.push(who) || !add_adopter(state))) err = -ENOMEM;
  if (err < 0) {
    add_reason(error.add("cannot tell who the process is: "), err);
    return false;
  }
  return save_state(container_fd, *state, error);
}

}  // namespace

bool exec_command(const CommandLine& line, TextBuilder& error) {
  ConfigFile config;
  UniqueFd root_fd, container_fd, init_fd, cgroup_fd, terminal_fd;
  StateFile file;
  Launched launched;
  if (!config.load(line.process_file, ConfigKind::Exec, error)) return false;
  if (!check_terminal(line, config.process(), error)) return false;
  if (open_existing(line.root, line.id, &root_fd, &container_fd, error) < 0) return false;
  if (lock_container(container_fd.get(), line.id, error) < 0) return false;
  int err = file.load(container_fd.get(), error);
  if (err < 0 && err != -ENOENT) return false;
  if (err == -ENOENT || !first_process_runs(file.state, &init_fd)) {
    error.clear();
    error.add("cannot exec in a stopped container");
    return false;
  }
  (void)open_cgroup(container_fd.get(), &cgroup_fd);
  if (!open_terminal(line, config.process(), &terminal_fd, error)) return false;
  if (!launched.start(config.process(), terminal_fd.get(), cgroup_fd.get(), error)) return false;
  if (!record(container_fd.get(), &file.state, launched.pid(), error)) return false;
  unlock_container(container_fd.get());
  if (!launched.let_go(config.process(), error)) return false;
  if (!write_pid_file(line.pid_file, launched.pid(), error)) return false;
  launched.leave();
  return true;
}
