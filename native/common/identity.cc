#include "common/identity.h"

#include <errno.h>

#include <utility>

#include "common/pidfd.h"
#include "common/proc.h"

int identify(pid_t pid, ProcessIdentity* out) {
  ProcStat stat;
  int err = read_proc_stat(pid, &stat);
  if (err < 0) return err;
  out->pid = pid;
  out->start_time_ticks = stat.start_time_ticks;
  return 0;
}

int open_process(const ProcessIdentity& who, UniqueFd* pidfd) {
  UniqueFd fd(open_process_pidfd(who.pid));
  if (!fd.valid()) return fd.get();
  ProcessIdentity now;
  int err = identify(who.pid, &now);
  if (err < 0) return err;
  if (!(now == who)) return -ESRCH;
  // Race: the pid may be reused between pidfd_open and the read of its start time. So signal 0 comes last: if the
  // pidfd's process is not reaped now, it held the pid while the start time was read.
  if (signal_pidfd(fd.get(), 0) == -ESRCH) return -ESRCH;
  *pidfd = std::move(fd);
  return 0;
}

void add_identity_members(TextBuilder& out, const ProcessIdentity& who) {
  out.add("\"pid\":").add_int(who.pid).add(",\"startTimeTicks\":");
  out.add_int(static_cast<int64_t>(who.start_time_ticks));
}
