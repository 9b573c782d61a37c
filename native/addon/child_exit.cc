// The raw waitid(2), because the C library's function does not return the resource usage.
#include "addon/child_exit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "common/retry.h"
#include "common/syscalls.h"

namespace {

double microseconds(const struct timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

}  // namespace

int reap_pidfd(int pidfd, ChildExit* exit) {
  siginfo_t info;
  info.si_pid = 0;  // stays 0 if the child still runs
  long result =
      retried([&] { return syscall(SYS_waitid, kIdTypePidfd, pidfd, &info, WEXITED | WNOHANG, &exit->usage); });
  if (result < 0) return static_cast<int>(result);
  if (info.si_pid == 0) return 0;
  exit->code = info.si_code;
  exit->status = info.si_status;
  return 1;
}

int is_child(int pidfd) {
  siginfo_t info;
  int options = WEXITED | WNOHANG | WNOWAIT;
  long result = retried([&] { return syscall(SYS_waitid, kIdTypePidfd, pidfd, &info, options, nullptr); });
  if (result == -ECHILD) return 0;
  return result < 0 ? static_cast<int>(result) : 1;
}

void child_exit_fields(const ChildExit& exit, double fields[kChildExitFields]) {
  const struct rusage& usage = exit.usage;
  const double values[kChildExitFields] = {
      static_cast<double>(exit.code),        static_cast<double>(exit.status),
      microseconds(usage.ru_utime),          microseconds(usage.ru_stime),
      static_cast<double>(usage.ru_maxrss),  static_cast<double>(usage.ru_ixrss),
      static_cast<double>(usage.ru_idrss),   static_cast<double>(usage.ru_isrss),
      static_cast<double>(usage.ru_minflt),  static_cast<double>(usage.ru_majflt),
      static_cast<double>(usage.ru_nswap),   static_cast<double>(usage.ru_inblock),
      static_cast<double>(usage.ru_oublock), static_cast<double>(usage.ru_msgsnd),
      static_cast<double>(usage.ru_msgrcv),  static_cast<double>(usage.ru_nsignals),
      static_cast<double>(usage.ru_nvcsw),   static_cast<double>(usage.ru_nivcsw),
  };
  for (size_t i = 0; i < kChildExitFields; i++) fields[i] = values[i];
}
