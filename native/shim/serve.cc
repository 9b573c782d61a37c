// The shim's loop: what it does on each event, and when it may exit.
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/retry.h"
#include "shim/children.h"
#include "shim/shim.h"

namespace {

constexpr int kAdoptPollMs = 50;
constexpr int kShortagePollMs = 100;
// The fallback for inotify.
constexpr int kLingerPollMs = 5000;

// Reads and drops events that only have to wake us.
void drain(int fd) {
  alignas(8) char buffer[1024];
  ssize_t n;
  do n = read(fd, buffer, sizeof buffer);
  while (n > 0 || (n < 0 && errno == EINTR));
}

}  // namespace

int Shim::serve_until(Condition done, int limit_ms) {
  int64_t deadline = limit_ms < 0 ? INT64_MAX : monotonic_ms() + limit_ms;
  // SIGCHLD may have come before the loop ran. Later only after one: a look costs as much as a read of the log's pipe.
  bool has_news = true;
  for (;;) {
    if (has_news) reap();
    if ((this->*done)()) return 0;
    int err = want_events();
    // The kernel lacks memory, or the user has as many watches as max_user_watches (epoll(7)): try again soon. To leave
    // would lose the exit.
    bool is_shortage = err == -ENOMEM || err == -ENOSPC;
    if (err < 0 && !is_shortage) return fail("epoll", err);
    int timeout = poll_interval_ms();
    if (is_shortage && (timeout < 0 || timeout > kShortagePollMs)) timeout = kShortagePollMs;
    if (limit_ms >= 0) {
      int64_t left = deadline - monotonic_ms();
      if (left <= 0) return -ETIMEDOUT;
      if (timeout < 0 || left < timeout) timeout = static_cast<int>(left);
    }
    if ((err = loop_.wait(timeout)) < 0) return fail("epoll_wait", err);
    has_news = loop_.ready(Source::Signals);
    dispatch();
  }
}

// The interval for what has no event; -1 if there is nothing of that kind.
int Shim::poll_interval_ms() const {
  if (candidate_pid_ > 0 && process_pid_ == 0) return kAdoptPollMs;
  int retry_ms = terminal_.retry_ms(process_ended_);
  if (retry_ms >= 0) return retry_ms;
  if (stdio_.log_pipes.idle_ms() >= 0) return stdio_.log_pipes.idle_ms();
  return exit_fd_.valid() ? -1 : kLingerPollMs;
}

int Shim::want_events() {
  int err = loop_.want(Source::Control, control_fd_.get(), EPOLLIN);
  if (err < 0) return err;
  if (config_.terminal) return terminal_.want_events(loop_);
  err = stdio_.relay.want_events(loop_);
  return err < 0 ? err : stdio_.log_pipes.want_events(loop_);
}

void Shim::dispatch() {
  if (loop_.ready(Source::Signals)) read_signals();
  if (loop_.ready(Source::Changes)) drain(changes_fd_.get());
  if (loop_.ready(Source::Control)) read_control();
  // Ignore a failure: adopt_process() checks for the terminal.
  if (loop_.ready(Source::Console)) (void)terminal_.receive();
  terminal_.serve(loop_);
  stdio_.relay.serve(loop_);
  stdio_.log_pipes.serve(loop_, stdio_.log);
}

// SIGCHLD only has to wake us. SIGTERM is read only while we linger: a manager that stops our service would wait for
// us.
void Shim::read_signals() {
  struct signalfd_siginfo info;
  while (retried([&] { return read(signal_fd_.get(), &info, sizeof info); }) == sizeof info) {
    if (info.ssi_signo == SIGTERM) released_ = true;
  }
}

// One SIGCHLD can stand for many children. Until the process is known, only the runtime is reaped. An adopted process
// that has died meanwhile stays a zombie, so its status can be read once the pid file tells which one it is.
void Shim::reap() {
  for (;;) {
    pid_t which = process_pid_ > 0 ? -1 : runtime_pid_;
    if (which == 0) return;
    int status;
    struct rusage usage;
    pid_t pid = retried([&] { return wait4(which, &status, WNOHANG, &usage); });
    if (pid <= 0) return;
    if (pid == runtime_pid_) {
      runtime_status_ = status;
      runtime_pid_ = 0;
    } else if (pid == process_pid_ && !process_ended_) {
      process_status_ = status;
      process_usage_ = usage;
      process_ended_ = true;
    }
  }
}

// One read in each turn: a writer that never stops must not delay everything else.
void Shim::read_control() {
  if (!control_.fill(control_fd_.get())) return;
  ControlCommand command;
  while (control_.next(&command)) {
    switch (command.type) {
      case ControlCommand::Type::CloseStdin:
        stdio_.hold[0].reset();
        if (config_.terminal) terminal_.close_stdin();
        break;
      case ControlCommand::Type::Resize:
        terminal_.resize(command.width, command.height);
        break;
      case ControlCommand::Type::Release:
        released_ = true;
        break;
    }
  }
}

bool Shim::candidate_settled() { return is_child(candidate_pid_) || is_descendant(candidate_pid_, getpid()) < 0; }

bool Shim::children_ended() {
  kill_children();
  pid_t pid;
  do pid = retried([] { return waitpid(-1, nullptr, WNOHANG); });
  while (pid > 0);
  return pid < 0;
}

bool Shim::output_unread() const {
  for (int i = 1; i <= 2; i++) {
    int fd = stdio_.hold[i].get();
    struct stat st;
    int unread = 0;
    // No later reader can reach an unlinked FIFO, and a reader that has it open keeps it alive without us.
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink > 0 && ioctl(fd, FIONREAD, &unread) == 0 && unread > 0)
      return true;
  }
  return false;
}

bool Shim::state_removed() const {
  struct stat st;
  return stat("process.json", &st) < 0 && errno == ENOENT;
}

bool Shim::nothing_held() {
  siginfo_t info;
  // Stay while there are orphans of an exec'ed process: without us init would adopt them, and the runtime could no
  // longer find them as members of the container.
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD) return false;
  if (released_ || state_removed()) return true;
  if (config_.terminal) {
    if (!terminal_.drain()) return false;
    terminal_.close(loop_);
  }
  // Processes that are no children of ours may write to the log, too: those that an exec'ed one left in its container.
  if (stdio_.log_pipes.has_writers()) return false;
  return !output_unread();
}
