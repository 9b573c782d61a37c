#include "host/state/container.h"

#include <errno.h>

#include "common/proc.h"
#include "host/cgroup/freeze.h"
#include "host/launch/start_socket.h"
#include "host/state/store.h"

namespace {

// Made by `create`, since no other container has a start socket; and its program does not run yet.
bool waits_for_start(int container_fd, const ProcessIdentity& who) {
  ProcStat stat;
  return has_start_socket(container_fd) && read_proc_stat(who.pid, &stat) == 0 &&
         stat.start_time_ticks == who.start_time_ticks && never_called_exec(stat);
}

}  // namespace

const char* status_word(Status status) {
  switch (status) {
    case Status::Creating:
      return "creating";
    case Status::Created:
      return "created";
    case Status::Running:
      return "running";
    case Status::Paused:
      return "paused";
    case Status::Stopped:
      break;
  }
  return "stopped";
}

int Container::open(const CommandLine& line, TextBuilder& error) {
  return open_existing(line.root, line.id, &root_fd_, &fd_, error);
}

int Container::open_locked(const CommandLine& line, TextBuilder& error) {
  int err = open(line, error);
  return err < 0 ? err : lock_container(fd(), line.id, error);
}

void Container::unlock() const { unlock_container(fd()); }

int Container::lock_until_exit(const CommandLine& line, TextBuilder& error) {
  int err = lock_container(fd(), line.id, error);
  // Closed by nobody: a destructor would give up the lock before the exit.
  if (err == 0) (void)fd_.release();
  return err;
}

bool Container::load(TextBuilder& error) {
  int err = file_.load(fd(), error);
  half_made_ = err == -ENOENT;
  if (half_made_) error.clear();
  return err == 0 || half_made_;
}

Status Container::status() {
  if (half_made_) return Status::Creating;
  if (!first_process_runs(file_.state, &init_fd_)) return Status::Stopped;
  if (file_.state.paused || is_frozen(fd())) return Status::Paused;
  return waits_for_start(fd(), file_.state.init) ? Status::Created : Status::Running;
}
