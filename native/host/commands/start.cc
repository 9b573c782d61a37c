// `start`: lets the first process of a created container go, and waits until its program runs.
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/proc.h"
#include "common/retry.h"
#include "host/commands/commands.h"
#include "host/launch/failure.h"
#include "host/launch/start_socket.h"
#include "host/reason.h"
#include "host/state/container.h"

namespace {

constexpr int64_t kEndingMs = 1000;
constexpr int kPollMs = 10;

bool check_startable(Status status, TextBuilder& error) {
  switch (status) {
    case Status::Created:
      return true;
    case Status::Creating:
      error.add("cannot start a container that is not created yet");
      return false;
    case Status::Running:
      error.add("cannot start an already running container");
      return false;
    case Status::Paused:
      error.add("cannot start a container in the paused state");
      return false;
    case Status::Stopped:
      break;
  }
  error.add("cannot start a container that has stopped");
  return false;
}

// What the process answers. Nothing if exec has closed the connection.
struct Answer {
  ChildFailure failure;
  char program[4096];
};

// Reads the answer up to the connection's end: its size, or -errno.
ssize_t receive(int connection_fd, Answer* answer) {
  char* bytes = reinterpret_cast<char*>(answer);
  size_t size = 0;
  while (size < sizeof *answer - 1) {
    ssize_t n = retried([&] { return recv(connection_fd, bytes + size, sizeof *answer - 1 - size, 0); });
    if (n < 0) return n;
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  bytes[size] = '\0';
  return static_cast<ssize_t>(size);
}

// The kernel clears the flag before exec closes the connection. A process that has been reaped counts as started.
bool ended_before_exec(const ProcessIdentity& init) {
  ProcStat stat;
  return read_proc_stat(init.pid, &stat) == 0 && stat.start_time_ticks == init.start_time_ticks &&
         never_called_exec(stat);
}

// The process closed the start socket before it served us. Either another `start` had let it go, and its exec may still
// take a while; or it ended, which shows a moment later.
void add_gone_reason(Container& container, TextBuilder& error) {
  int64_t deadline_ms = monotonic_ms() + kEndingMs;
  Status status = container.status();
  while (status == Status::Created && ms_until(deadline_ms) > 0) {
    struct pollfd end = {container.init_fd(), POLLIN, 0};
    (void)poll(&end, 1, kPollMs);
    status = container.status();
  }
  error.add(status == Status::Stopped ? kKilledBeforeStart : "cannot start an already running container");
}

bool await_exec(Container& container, int connection_fd, Reason& error) {
  Answer answer = {};
  ssize_t n = receive(connection_fd, &answer);
  if (n >= static_cast<ssize_t>(sizeof answer.failure)) {
    add_failure({answer.program, ""}, answer.failure, error);
  } else if (n < 0) {
    add_gone_reason(container, error);
  } else if (ended_before_exec(container.state().init)) {
    error.add(kKilledBeforeStart);
  } else {
    remove_start_socket(container.fd());
  }
  return error.size() == 0;
}

}  // namespace

bool start_command(const CommandLine& line, Reason& error) {
  Container container;
  UniqueFd connection_fd;
  if (container.open_locked(line, error) < 0 || !container.load(error)) return false;
  if (!check_startable(container.status(), error)) return false;
  int err = send_start(container.fd(), &connection_fd);
  // An exec that hangs must not block `delete --force`.
  container.unlock();
  if (err == 0) return await_exec(container, connection_fd.get(), error);
  if (err == -ECONNREFUSED || err == -EPIPE || err == -ENOENT) {
    add_gone_reason(container, error);
  } else {
    add_reason(error.add("cannot reach the process that waits for its start: "), err);
  }
  return false;
}
