// The steps. The loop is serve.cc.
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <utility>

#include "common/files.h"
#include "common/proc.h"
#include "common/signals.h"
#include "shim/children.h"
#include "shim/status.h"

Shim::Shim(const char* id, const char* bundle, const char* runtime)
    : context_{runtime, id, bundle, nullptr, &config_, nullptr} {}

int Shim::fail(const char* what, int err) {
  why_.clear();
  why_.add(what).add(": ").add_errno(err);
  return err;
}

int Shim::check_proc() {
  int err = ::check_proc(&ignored_signals_);
  if (err == -EXDEV) why_.add(kForeignProc);
  return err < 0 && err != -EXDEV ? fail("cannot read /proc", err) : err;
}

int Shim::block_signals() {
  // SIGTERM and SIGHUP too: a signal that ends the supervisor and its process group must not end us before the process.
  ::block_signals();
  // Dispositions are inherited: by us, and by the process from us. If SIGCHLD were ignored, there would be no exit
  // status.
  reset_signals(ignored_signals_);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  signal_fd_.reset(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signal_fd_.valid()) return fail("signalfd", -errno);
  int err = loop_.open();
  if (err == 0) err = loop_.want(Source::Signals, signal_fd_.get(), EPOLLIN);
  return err < 0 ? fail("epoll", err) : 0;
}

int Shim::become_subreaper() {
  return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? fail("become child subreaper", -errno) : 0;
}

namespace {

// O_RDWR: open(2) does not wait for another end and does not fail with ENXIO, even if the supervisor is gone.
int open_state_fifo(const char* name, UniqueFd* out) {
  UniqueFd fd(open_fd(AT_FDCWD, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW));
  if (!fd.valid()) return -errno;
  struct stat st;
  if (fstat(fd.get(), &st) < 0) return -errno;
  if (!S_ISFIFO(st.st_mode)) return -EINVAL;
  *out = std::move(fd);
  return 0;
}

constexpr int kNoStdio[3] = {-1, -1, -1};
constexpr int kAdoptLimitMs = 5000;

}  // namespace

int Shim::open_state_fifos() {
  int err = open_state_fifo("exit", &exit_fd_);
  if (err < 0) return fail("open exit", err);
  err = open_state_fifo("control", &control_fd_);
  return err < 0 ? fail("open control", err) : 0;
}

int Shim::reserve_exit_status() {
  int err = exit_status_file_.reserve();
  return err < 0 ? fail("make exitStatus", err) : 0;
}

int Shim::load() {
  char dir[PATH_MAX];
  if (getcwd(dir, sizeof dir) == nullptr) return fail("getcwd", -errno);
  dir_.add(dir);
  // Leave room for the file names appended to it.
  if (dir_.size() > PATH_MAX - 64) return fail("process directory", -ENAMETOOLONG);
  context_.dir = dir_.c_str();
  why_.clear();
  return load_config(&config_, why_);
}

int Shim::open_process_stdio() {
  why_.clear();
  int err = open_stdio(config_, &stdio_, why_);
  if (err < 0 || !config_.terminal) return err;
  if ((err = terminal_.open(dir_.c_str(), &stdio_)) < 0) return fail("terminal", err);
  context_.console_path = terminal_.console_path();
  return 0;
}

int Shim::run_command(const Argv& argv, const int stdio_fds[3], bool own_group) {
  pid_t pid = spawn_runtime(program_.path(), argv, stdio_fds, own_group);
  if (pid >= 0) {
    runtime_pid_ = pid;
    return 0;
  }
  struct stat st;
  if (pid == -ENOENT && stat(context_.runtime, &st) < 0) {
    why_.add(context_.runtime).add(" not installed on system");
  } else {
    why_.add("start ").add(context_.runtime).add(": ").add_errno(pid);
  }
  // Other than these, the runtime is at fault: it can't be executed.
  bool is_shortage = pid == -EAGAIN || pid == -ENOMEM || pid == -EMFILE || pid == -ENFILE;
  spawn_errno_ = is_shortage ? 0 : -pid;
  return pid;
}

int Shim::start_runtime() {
  Argv argv;
  why_.clear();
  program_.open(context_.runtime);
  int err = build_start_args(context_, &argv, why_);
  if (err < 0) return err;
  const int own[3] = {stdio_.end[0].get(), stdio_.end[1].get(), stdio_.end[2].get()};
  if ((err = run_command(argv, config_.terminal ? kNoStdio : own, false)) < 0 || config_.terminal) return err;
  // The process has them now. A copy of ours would keep its readers from seeing end-of-file.
  for (UniqueFd& end : stdio_.end) end.reset();
  return 0;
}

void Shim::prepare_identity() {
  if (!config_.exec) oom_kills_.prepare();
  identity_file_.prepare();
}

int Shim::adopt_process() {
  why_.clear();
  if (config_.terminal && !terminal_.has_master()) {
    int err = terminal_.receive();
    if (err < 0) return fail("the runtime sent no terminal", err);
  }
  candidate_pid_ = read_pid_file();
  if (candidate_pid_ < 0) {
    why_.add("the runtime ended without writing a pid");
    return candidate_pid_;
  }
  // It may not be our child yet: with crun its parent may outlive `run` for a moment. When that parent exits we adopt
  // the process. Until then the parent could take its status.
  (void)serve_until(&Shim::candidate_settled, kAdoptLimitMs);
  if (!is_child(candidate_pid_)) {
    why_.clear();
    why_.add("process ").add_int(candidate_pid_).add(" of the runtime is no child of the shim");
    return -ECHILD;
  }
  process_pid_ = candidate_pid_;
  return 0;
}

int Shim::record_identity() {
  // First: a v1 kernel forgets the cgroup of a process that has ended. Ignore a failure: the count is optional.
  if (!config_.exec) (void)oom_kills_.open(process_pid_);
  int err = identity_file_.write(process_pid_, config_.durable);
  // Only now: the library waits for identity.json, and for nothing after it. Ignore a failure: exit.json is optional.
  (void)exit_record_file_.reserve();
  return err < 0 ? fail("write identity.json", err) : 0;
}

void Shim::drain_output() {
  if (!stdio_.log.is_open()) return;
  // Both are limited: children that still write do not delay the end.
  if (config_.terminal) (void)terminal_.drain();
  stdio_.log_pipes.drain(stdio_.log);
}

int Shim::flush_log() {
  int err = config_.durable && stdio_.log.is_open() ? stdio_.log.flush() : 0;
  return err < 0 ? fail("flush the log", err) : 0;
}

void Shim::end_log() {
  if (stdio_.log.is_open()) stdio_.log.end(exit_code_of(process_status_));
}

int Shim::write_exit() {
  // exit.json first, so that whoever sees exitStatus finds it.
  (void)exit_record_file_.write(process_status_, process_usage_, oom_kills_.count(), config_.durable);
  int err = exit_status_file_.write(exit_code_of(process_status_));
  return err < 0 ? fail("write exitStatus", err) : 0;
}

int Shim::flush_exit() {
  int err = config_.durable ? exit_status_file_.flush() : 0;
  return err < 0 ? fail("flush exitStatus", err) : 0;
}

int Shim::publish_exit() {
  int err = exit_status_file_.publish();
  return err < 0 ? fail("rename exitStatus", err) : 0;
}

int Shim::flush_directory() {
  if (!config_.durable) return 0;
  UniqueFd fd(open_fd(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY));
  int err = fd.valid() ? flush(fd.get()) : fd.get();
  return err < 0 ? fail("flush the process directory", err) : 0;
}

int Shim::start_delete(bool force) {
  Argv argv;
  why_.clear();
  int err = build_delete_args(context_, force, &argv);
  return err < 0 ? fail("build the runtime's arguments", err) : run_command(argv, kNoStdio, true);
}

int Shim::mark_deleted() {
  UniqueFd fd(open_fd(AT_FDCWD, "deleted", O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd.valid() || fchmod(fd.get(), 0600) < 0) return fail("make deleted", -errno);
  return 0;
}

void Shim::kill_delete() {
  if (runtime_pid_ > 0) kill(-runtime_pid_, SIGKILL);
}

void Shim::begin_linger() {
  sigset_t heard;
  sigemptyset(&heard);
  sigaddset(&heard, SIGCHLD);
  sigaddset(&heard, SIGTERM);
  (void)signalfd(signal_fd_.get(), &heard, 0);
  changes_fd_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes_fd_.valid()) return;  // the poll of serve_until() is enough
  (void)inotify_add_watch(changes_fd_.get(), ".", IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR);
  for (int i = 1; i <= 2; i++) {
    if (!stdio_.hold[i].valid()) continue;
    Text<32> path;
    path.add("/proc/self/fd/").add_int(stdio_.hold[i].get());
    (void)inotify_add_watch(changes_fd_.get(), path.c_str(), IN_ACCESS | IN_ATTRIB);
  }
  (void)loop_.want(Source::Changes, changes_fd_.get(), EPOLLIN);
}
