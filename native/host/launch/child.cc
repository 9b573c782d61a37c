#include "host/launch/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "common/descriptors.h"
#include "common/files.h"
#include "common/retry.h"
#include "common/signals.h"
#include "host/launch/credentials.h"
#include "host/launch/program.h"
#include "host/launch/start_socket.h"

namespace {

class Child {
 public:
  Child(const ProcessConfig& process, int channel_fd, ChildFailure* out)
      : process_(process), channel_fd_(channel_fd), out_(out) {}

  [[noreturn]] void fail(ChildStep step, int err, int detail = 0) const {
    ChildFailure failure = {step, err < 0 ? -err : err, detail};
    if (out_ != nullptr) {
      *out_ = failure;
    } else {
      (void)send(channel_fd_, &failure, sizeof failure, MSG_NOSIGNAL);
    }
    // `start` has not read the config, so it needs the program's name too.
    if (let_go_by_start_) (void)send(channel_fd_, process_.args[0], strlen(process_.args[0]), MSG_NOSIGNAL);
    _exit(1);
  }

  void check(ChildStep step, int result, int detail = 0) const {
    if (result < 0) fail(step, result, detail);
  }

  void take_terminal(int terminal_fd) const {
    for (int fd = 0; fd < 3; fd++) {
      if (dup2(terminal_fd, fd) < 0) fail(ChildStep::Stdio, errno);
    }
    if (ioctl(0, TIOCSCTTY, 0) < 0) fail(ChildStep::Terminal, errno);
  }

  // Gives stdio to the process's user, since some programs open /dev/stdout again. As runc does: the group stays, and a
  // file system that cannot do it is no failure.
  void give_stdio_to_user() const {
    if (!process_.has_uid || process_.uid == geteuid()) return;
    for (int fd = 0; fd < 3; fd++) {
      struct stat st;
      if (fstat(fd, &st) < 0) fail(ChildStep::Stdio, errno);
      if (st.st_uid == process_.uid || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))) continue;
      if (fchown(fd, process_.uid, st.st_gid) == 0) continue;
      if (errno != EINVAL && errno != EPERM && errno != EROFS) fail(ChildStep::Stdio, errno);
    }
  }

  void set_oom_score_adj() const {
    if (!process_.has_oom_score_adj) return;
    UniqueFd fd(open_fd(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY));
    check(ChildStep::OomScoreAdj, fd.get());
    Text<16> text;
    text.add_int(process_.oom_score_adj);
    check(ChildStep::OomScoreAdj, write_all(fd.get(), text.view()));
  }

  // A limit of open descriptors below min_descriptors is set to that.
  void set_limits(rlim_t min_descriptors) const {
    for (size_t i = 0; i < process_.limits.size(); i++) {
      const ResourceLimit& limit = process_.limits[i];
      struct rlimit values = {limit.soft, limit.hard};
      if (limit.resource == RLIMIT_NOFILE && limit.soft < min_descriptors) {
        values = {min_descriptors, limit.hard < min_descriptors ? min_descriptors : limit.hard};
      }
      // glibc gives the parameter an enum type, in C++ only.
      auto resource = static_cast<decltype(RLIMIT_NOFILE)>(limit.resource);
      if (setrlimit(resource, &values) < 0) fail(ChildStep::Limit, errno, static_cast<int>(i));
    }
  }

  // False if the caller may not enter the directory; then the user is tried. runc tries both too.
  bool enter_cwd() const {
    if (chdir(process_.cwd) == 0) return true;
    if (errno != EACCES && errno != EPERM) fail(ChildStep::Cwd, errno);
    return false;
  }

  void take_user() const {
    check(ChildStep::Groups, set_groups(process_));
    check(ChildStep::Gid, set_gid(process_));
    check(ChildStep::Uid, set_uid(process_));
  }

  // All that comes before the start and the program itself.
  void prepare(int terminal_fd, rlim_t min_descriptors) const {
    if (setsid() < 0) fail(ChildStep::NewSession, errno);
    if (terminal_fd >= 0) take_terminal(terminal_fd);
    give_stdio_to_user();
    set_oom_score_adj();
    // Before the limits: without close_range(2) it opens a directory. What is opened later is close-on-exec.
    check(ChildStep::Descriptors, close_descriptors_on_exec(3));
    set_limits(min_descriptors);
    umask(process_.umask);
    reset_signals(process_.ignored_signals);
    unblock_signals();
    bool entered = enter_cwd();
    take_user();
    if (!entered && chdir(process_.cwd) < 0) fail(ChildStep::Cwd, errno);
    if (process_.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
      fail(ChildStep::NoNewPrivileges, errno);
    }
  }

  void wait_for_go() const {
    char go;
    if (retried([&] { return read(channel_fd_, &go, 1); }) != 1) _exit(1);
  }

  // Waits for `start`. Its connection becomes the channel: later failures are reported to it.
  void wait_created(int start_fd) {
    ProgramFailure why = check_program(process_.args.data(), process_.env.data());
    check(why.step, why.err);
    channel_fd_ = wait_for_start(start_fd);
    let_go_by_start_ = true;
    lower_descriptor_limit();
  }

  // Sets the limit that set_limits() raised to kWaitDescriptors. Lowering it needs no privilege.
  void lower_descriptor_limit() const {
    for (size_t i = process_.limits.size(); i-- > 0;) {
      const ResourceLimit& limit = process_.limits[i];
      if (limit.resource != RLIMIT_NOFILE) continue;
      struct rlimit values = {limit.soft, limit.hard};
      if (limit.soft < kWaitDescriptors && setrlimit(RLIMIT_NOFILE, &values) < 0) {
        fail(ChildStep::Limit, errno, static_cast<int>(i));
      }
      return;
    }
  }

  [[noreturn]] void exec() const {
    ProgramFailure why = exec_program(process_.args.data(), process_.env.data());
    fail(why.step, why.err);
  }

 private:
  const ProcessConfig& process_;
  int channel_fd_;
  ChildFailure* const out_;
  bool let_go_by_start_ = false;
};

}  // namespace

void run_child(const ProcessConfig& process, int terminal_fd, pid_t parent, ChildFailure* failure) {
  Child child(process, -1, failure);
  child.prepare(terminal_fd, 0);
  // Whoever killed our parent did so to end this start.
  if (getppid() != parent) _exit(1);
  child.exec();
}

void run_waiting_child(const ProcessConfig& process, int terminal_fd, int start_fd, int channel_fd) {
  Child child(process, channel_fd, nullptr);
  child.prepare(terminal_fd, kWaitDescriptors);
  child.wait_for_go();
  child.wait_created(start_fd);
  child.exec();
}
