// `start`: lets the first process of a created container go, and waits until its program runs.
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/proc.h"
#include "host/commands/commands.h"
#include "host/launch/failure.h"
#include "host/launch/start_socket.h"
#include "host/log.h"
#include "host/state/container.h"

namespace {

constexpr char kKilled[] = "the process was killed before it started";
constexpr int64_t kEndingMs = 1000;
constexpr int kLookAgainMs = 10;

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

// What the process answers: nothing when its exec has closed the connection.
struct Answer {
  ChildFailure failure;
  char program[4096];
};

// The answer's bytes until the connection's end: how many, or -errno.
ssize_t receive(int connection_fd, Answer* answer) {
  char* bytes = reinterpret_cast<char*>(answer);
  size_t size = 0;
  while (size < sizeof *answer - 1) {
    ssize_t n = recv(connection_fd, bytes + size, sizeof *answer - 1 - size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  bytes[size] = '\0';
  return static_cast<ssize_t>(size);
}

// The kernel clears the flag before it closes the connection. One that is reaped already is taken to have run.
bool ended_before_exec(const ProcessIdentity& init) {
  ProcStat stat;
  return read_proc_stat(init.pid, &stat) == 0 && stat.start_time_ticks == init.start_time_ticks &&
         never_called_exec(stat);
}

// It closed the socket before it came to us: because another `start` had let it go, whose exec may take its time, or in
// its end, which we see a moment later.
void add_gone_reason(Container& container, TextBuilder& error) {
  int64_t deadline_ms = monotonic_ms() + kEndingMs;
  Status status = container.status();
  while (status == Status::Created && ms_until(deadline_ms) > 0) {
    struct pollfd end = {container.init_fd(), POLLIN, 0};
    (void)poll(&end, 1, kLookAgainMs);
    status = container.status();
  }
  error.add(status == Status::Stopped ? kKilled : "cannot start an already running container");
}

bool await_exec(Container& container, int connection_fd, TextBuilder& error) {
  Answer answer = {};
  ssize_t n = receive(connection_fd, &answer);
  if (n >= static_cast<ssize_t>(sizeof answer.failure)) {
    add_launch_error({answer.program, ""}, answer.failure, error);
  } else if (n < 0) {
    add_gone_reason(container, error);
  } else if (ended_before_exec(container.state().init)) {
    error.add(kKilled);
  } else {
    remove_start_socket(container.fd());
  }
  return error.size() == 0;
}

}  // namespace

bool start_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  UniqueFd connection_fd;
  if (container.open_locked(line, error) < 0 || !container.load(error)) return false;
  if (!check_startable(container.status(), error)) return false;
  int err = send_start(container.fd(), &connection_fd);
  // An exec that hangs must not keep `delete --force` out.
  container.unlock();
  if (err == 0) return await_exec(container, connection_fd.get(), error);
  if (err == -ECONNREFUSED || err == -EPIPE || err == -ENOENT) {
    add_gone_reason(container, error);
  } else {
    add_reason(error.add("cannot reach the process that waits for its start: "), err);
  }
  return false;
}
