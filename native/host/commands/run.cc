// `run -d` and `create`: make a container and its first process. Before the process is let go, everything that names it
// is on disk, so that `delete` finds what a `run` leaves that is killed at any moment. For `create`, the process is let
// go only as far as the start socket.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/proc.h"
#include "host/cgroup/cgroup.h"
#include "host/cgroup/limits.h"
#include "host/commands/commands.h"
#include "host/launch/console.h"
#include "host/launch/launch.h"
#include "host/launch/pid_file.h"
#include "host/launch/start_socket.h"
#include "host/members/end.h"
#include "host/reason.h"
#include "host/state/state.h"
#include "host/state/store.h"

namespace {

class Run {
 public:
  explicit Run(const CommandLine& line) : line_(line), config_(line.umask, line.ignored_signals) {}

  bool load_bundle(TextBuilder& error) {
    if (realpath(line_.bundle, bundle_) == nullptr) {
      add_reason(error.add("bundle ").add(line_.bundle).add(": "), errno);
      return false;
    }
    Text<PATH_MAX + 16> path;
    path.add(bundle_).add("/config.json");
    return config_.load(path.c_str(), ConfigKind::Bundle, error) &&
           check_console(config_.process(), line_.console_socket, error);
  }

  bool create(TextBuilder& error) {
    return open_root(line_.root, true, &root_fd_, error) >= 0 && reserve(error) &&
           create_container(root_fd_.get(), line_.id, &container_fd_, error);
  }

  // Reserves the descriptors that undo() opens, so that it works even if we run out of descriptors.
  bool reserve(TextBuilder& error) {
    for (UniqueFd& fd : reserved_fd_) {
      fd.reset(fcntl(root_fd_.get(), F_DUPFD_CLOEXEC, 3));
      if (fd.valid()) continue;
      add_reason(error.add("cannot open descriptors: "), errno);
      return false;
    }
    return true;
  }

  bool launch(Reason& error) {
    UniqueFd cgroup_fd, terminal_fd, start_fd;
    started_ = prepare_record(error) && make_cgroup(&cgroup_fd, error) &&
               open_console(config_.process(), line_.console_socket, &terminal_fd, error) &&
               open_start(&start_fd, error) &&
               first_.run({config_.process(), terminal_fd.get(), start_fd.get(), cgroup_fd.get(), record, this}, error);
    return started_;
  }

  bool make_cgroup(UniqueFd* cgroup_fd, Reason& error) {
    const Limits& limits = config_.limits();
    if (!limits.empty()) return create_limited_cgroup(container_fd_.get(), line_.id, limits, cgroup_fd, error);
    // Ignore a failure: without a cgroup the members are found by descent alone.
    (void)create_cgroup(container_fd_.get(), line_.id, cgroup_fd);
    return true;
  }

  bool open_start(UniqueFd* start_fd, TextBuilder& error) {
    int err = line_.action == Action::Create ? listen_for_start(container_fd_.get(), start_fd) : 0;
    if (err < 0) add_reason(error.add("cannot make the start socket: "), err);
    return err == 0;
  }

  // All of state.json but who the process is.
  bool prepare_record(TextBuilder& error) {
    int err = read_boot_id(boot_id_);
    if (err == 0 && !add_adopter(&state_)) err = -ENOMEM;
    if (err < 0) return fail_record(err, error);
    add_rfc3339_now(created_);
    state_.id = line_.id;
    state_.bundle = bundle_;
    state_.boot_id = boot_id_;
    state_.created = created_.view();
    state_.annotations = config_.annotations();
    return true;
  }

  static bool fail_record(int err, TextBuilder& error) {
    add_reason(error.add("cannot read the identity of the process: "), err);
    return false;
  }

  // Writes state.json before the process is let go.
  static bool record(void* owner, pid_t pid, TextBuilder& error) {
    Run& run = *static_cast<Run*>(owner);
    int err = identify(pid, &run.state_.init);
    if (err < 0) return fail_record(err, error);
    if (!save_state(run.container_fd_.get(), run.state_, error)) return false;
    run.recorded_ = true;
    // From now on a call that hangs, such as an exec from a dead network drive, must not block `delete --force`.
    unlock_container(run.container_fd_.get());
    return true;
  }

  bool tell_pid(TextBuilder& error) { return write_pid_file(line_.pid_file, first_.pid(), error); }

  // Takes back what create() and later steps made. What cannot be taken back is left to `delete`.
  void undo() {
    Text<1024> ignored;
    for (UniqueFd& fd : reserved_fd_) fd.reset();
    // record() gave up the lock. If a `delete` came in between, everything is removed already.
    if (recorded_ && lock_container(container_fd_.get(), line_.id, ignored) < 0) return;
    if (started_ && !end_container(&state_, container_fd_.get(), ignored)) return;
    first_.end();
    if (remove_cgroup(container_fd_.get()) < 0) return;
    (void)remove_container(root_fd_.get(), line_.id, container_fd_.get(), ignored);
  }

 private:
  const CommandLine& line_;
  char bundle_[PATH_MAX];
  char boot_id_[37];
  Text<64> created_;
  ConfigFile config_;
  UniqueFd root_fd_;
  UniqueFd reserved_fd_[2];
  UniqueFd container_fd_;
  ContainerState state_;
  Launched first_;
  bool recorded_ = false;
  bool started_ = false;
};

}  // namespace

bool run_command(const CommandLine& line, Reason& error) {
  Run run(line);
  if (!run.load_bundle(error) || !run.create(error)) return false;
  if (run.launch(error) && run.tell_pid(error)) leave_running();
  run.undo();
  return false;
}

bool create_command(const CommandLine& line, Reason& error) { return run_command(line, error); }
