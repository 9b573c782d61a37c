#include "shim/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstring>

#include "common/files.h"
#include "common/retry.h"
#include "common/signals.h"
#include "common/vfork.h"

Argv::~Argv() {
  for (char* item : owned_) free(item);
}

void Argv::add(const char* arg) {
  // The last item is nullptr: it is replaced, and a new one is appended.
  if ((items_.empty() && !items_.push(nullptr)) || !items_.push(nullptr)) {
    failed_ = true;
    return;
  }
  items_[items_.size() - 2] = const_cast<char*>(arg);
}

void Argv::add_path(std::string_view dir, std::string_view name) {
  char* copy = static_cast<char*>(malloc(dir.size() + name.size() + 1));
  if (copy == nullptr || !owned_.push(copy)) {
    free(copy);
    failed_ = true;
    return;
  }
  memcpy(copy, dir.data(), dir.size());
  memcpy(copy + dir.size(), name.data(), name.size());
  copy[dir.size() + name.size()] = '\0';
  add(copy);
}

namespace {

// Without --log if the log cannot be written: the disk is read-only, the directory was removed, or log.json is no
// regular file. The runtime must be able to delete its container nevertheless.
bool log_is_usable() {
  struct stat st;
  if (lstat("log.json", &st) == 0) return S_ISREG(st.st_mode) && access("log.json", W_OK) == 0;
  return access("process.json", F_OK) == 0;
}

void add_globals(const RuntimeContext& context, Argv* argv) {
  argv->add(context.runtime);
  if (log_is_usable()) {
    argv->add("--log");
    argv->add_path(context.dir, "/log.json");
    argv->add("--log-format");
    argv->add("json");
  }
  for (JsonValue arg = context.config->runtime_args.first(); arg; arg = arg.next()) argv->add(arg.c_str());
}

int add_restore(const RuntimeContext& context, Argv* argv, TextBuilder& why) {
  Text<4096> image;
  if (context.config->checkpoint[0] != '/') image.add(context.bundle).add("/checkpoints/");
  image.add(context.config->checkpoint);
  constexpr const char* kWork = "restore-work";
  CheckpointFlags flags;
  int err = load_checkpoint_flags(image.c_str(), &flags, why);
  if (err < 0) return err;
  if (mkdir(kWork, 0700) < 0 && errno != EEXIST) {
    err = -errno;
    why.add("mkdir ").add(kWork).add(": ").add_errno(err);
    return err;
  }
  argv->add("restore");
  argv->add("-d");
  argv->add("--image-path");
  argv->add_path(image.view(), "");
  argv->add("--work-path");
  argv->add_path(context.dir, "/restore-work");
  if (flags.shell) argv->add("--shell-job");
  if (flags.tcp) argv->add("--tcp-established");
  if (flags.unix_sockets) argv->add("--ext-unix-sk");
  for (JsonValue ns = flags.empty_ns.first(); ns; ns = ns.next()) {
    argv->add("--empty-ns");
    argv->add_path(ns.str(), "");
  }
  return 0;
}

// The usual soft limit of open descriptors. Programs that use select(2) break with more, and some close each possible
// descriptor one by one. A supervisor has more: Node raises its soft limit to the hard one at its start.
constexpr rlim_t kSoftDescriptorLimit = 1024;

// For the runtime, from which the process inherits it; the config's `rlimits` are applied later. Lowering a soft limit
// cannot fail. Makes only system calls.
void lower_descriptor_limit() {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= kSoftDescriptorLimit) return;
  limit.rlim_cur = kSoftDescriptorLimit;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

// Finds a program as execvp(3) does, without its fallback to a shell: 0 and its path, or -errno.
int find_program(const char* name, TextBuilder& path) {
  if (strchr(name, '/') != nullptr) {
    path.add(name);
    return path.truncated() ? -ENAMETOOLONG : 0;
  }
  const char* at = getenv("PATH");
  if (at == nullptr) at = "/bin:/usr/bin";
  int err = -ENOENT;
  while (at != nullptr) {
    const char* end = strchrnul(at, ':');
    path.clear();
    path.add(std::string_view(at, static_cast<size_t>(end - at)));
    path.add(end == at ? "./" : "/").add(name);
    struct stat st;
    if (!path.truncated() && stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode)) {
      if (access(path.c_str(), X_OK) == 0) return 0;
      err = -EACCES;
    }
    at = *end == ':' ? end + 1 : nullptr;
  }
  return err;
}

// What the child of spawn_runtime() needs, and in `failure` the errno that it leaves: it runs in our memory.
struct RuntimeChild {
  const char* path;
  char* const* args;
  int stdio_fds[3];
  bool own_group;
  pid_t shim;
  volatile int failure = 0;
};

// In the child of vfork: only calls that change nothing of the shim's.
void exec_runtime(void* context) {
  RuntimeChild& child = *static_cast<RuntimeChild*>(context);
  for (int i = 0; i < 3; i++) {
    if (dup2(child.stdio_fds[i], i) >= 0) continue;
    child.failure = errno;
    _exit(127);
  }
  // The runtime must not outlive us: nothing else would end what it is starting. It is cleared in what it forks.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // We may have been killed before that call.
  if (getppid() != child.shim) _exit(127);
  if (child.own_group) setpgid(0, 0);
  lower_descriptor_limit();
  unblock_signals();
  execv(child.path, child.args);
  child.failure = errno;
  _exit(127);
}

}  // namespace

int build_start_args(const RuntimeContext& context, Argv* argv, TextBuilder& why) {
  const ShimConfig& config = *context.config;
  add_globals(context, argv);
  if (config.exec) {
    argv->add("exec");
    argv->add("-d");
    argv->add("--process");
    argv->add_path(context.dir, "/process.json");
  } else if (config.checkpoint[0] != '\0') {
    int err = add_restore(context, argv, why);
    if (err < 0) return err;
  } else if (config.create) {
    argv->add("create");
  } else {
    argv->add("run");
    argv->add("-d");
  }
  if (!config.exec) {
    argv->add("--bundle");
    argv->add(context.bundle);
    if (config.no_pivot_root) argv->add("--no-pivot");
  }
  if (context.console_path != nullptr) {
    argv->add("--console-socket");
    argv->add(context.console_path);
  }
  argv->add("--pid-file");
  argv->add_path(context.dir, "/pid");
  argv->add(context.id);
  if (!argv->failed()) return 0;
  why.add("build the runtime's arguments: ").add_errno(ENOMEM);
  return -ENOMEM;
}

int build_delete_args(const RuntimeContext& context, bool force, Argv* argv) {
  add_globals(context, argv);
  argv->add("delete");
  if (force) argv->add("--force");
  argv->add(context.id);
  return argv->failed() ? -ENOMEM : 0;
}

pid_t spawn_runtime(const char* program, const Argv& argv, const int stdio_fds[3], bool own_group) {
  UniqueFd null_fd(open_fd(AT_FDCWD, "/dev/null", O_RDWR));
  if (!null_fd.valid()) return -errno;
  Text<PATH_MAX> path;
  int err = find_program(program, path);
  if (err < 0) return err;
  Text<32> reaper;
  reaper.add_int(getpid());
  if (setenv("OUTLIVE_SUBREAPER", reaper.c_str(), 1) < 0) return -errno;

  // main() made sure that the shim's descriptors 0 to 2 are open, so no descriptor of ours is one of them, and dup2()
  // in the child overwrites none that is still needed.
  RuntimeChild child = {path.c_str(), argv.data(), {}, own_group, getpid()};
  for (int i = 0; i < 3; i++) child.stdio_fds[i] = stdio_fds[i] < 0 ? null_fd.get() : stdio_fds[i];
  pid_t pid = vfork_call(exec_runtime, &child);
  if (pid < 0 || child.failure == 0) return pid;
  (void)retried([&] { return waitpid(pid, nullptr, 0); });
  return -child.failure;
}
