// The pidfd calls: pidfd_open(2), pidfd_send_signal(2), waitid(2). Raw system calls: the C library has wrappers for the
// first two only from glibc 2.36 on, and its waitid has no room for the resource usage.
#include "addon/pidfd.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addon/calls.h"

// The numbers are the same on every architecture; headers older than the calls lack them.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

namespace {

constexpr int kIdTypePidfd = 3;  // P_PIDFD

double microseconds(const struct timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

}  // namespace

int reap_pidfd(int pidfd, ChildExit* exit) {
  siginfo_t info;
  info.si_pid = 0;  // stays 0 when the child still runs
  long result =
      retried([&] { return syscall(SYS_waitid, kIdTypePidfd, pidfd, &info, WEXITED | WNOHANG, &exit->usage); });
  if (result < 0) return static_cast<int>(result);
  if (info.si_pid == 0) return 0;
  exit->code = info.si_code;
  exit->status = info.si_status;
  return 1;
}

int signal_pidfd(int pidfd, int signal) {
  return static_cast<int>(retried([&] { return syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0); }));
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

Napi::Value pidfd_open_call(const Napi::CallbackInfo& info) {
  int pid = int_arg(info, 0);
  return number(info, static_cast<double>(retried([&] { return syscall(SYS_pidfd_open, pid, 0); })));
}

Napi::Value pidfd_send_signal_call(const Napi::CallbackInfo& info) {
  return number(info, signal_pidfd(int_arg(info, 0), int_arg(info, 1)));
}

Napi::Value wait_pidfd_call(const Napi::CallbackInfo& info) {
  ChildExit exit;
  int result = reap_pidfd(int_arg(info, 0), &exit);
  if (result <= 0) return number(info, result);
  double fields[kChildExitFields];
  child_exit_fields(exit, fields);
  Napi::Array out = Napi::Array::New(info.Env(), kChildExitFields);
  for (uint32_t i = 0; i < kChildExitFields; i++) out.Set(i, fields[i]);
  return out;
}
