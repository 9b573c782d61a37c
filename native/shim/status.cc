#include "shim/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/files.h"
#include "common/identity.h"
#include "common/proc.h"
#include "common/retry.h"

#ifndef OUTLIVE_VERSION  // binding.gyp has package.json's
#define OUTLIVE_VERSION "unknown"
#endif

pid_t read_pid_file() {
  FileBytes bytes;
  if (read_file(AT_FDCWD, "pid", 64, &bytes) < 0) return -EPROTO;
  std::string_view text = bytes.view();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  int64_t pid = 0;
  if (!parse_int(text, &pid) || pid <= 1 || pid > INT32_MAX) return -EPROTO;
  return static_cast<pid_t>(pid);
}

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

void IdentityFile::prepare() {
  prepared_ = read_boot_id(boot_id_);
  if (prepared_ == 0) prepared_ = identify(getpid(), &shim_);
}

int IdentityFile::write(pid_t pid, bool durable) const {
  ProcessIdentity who;
  int err = prepared_;
  if (err == 0) err = identify(pid, &who);
  if (err < 0) return err;
  Text<256> json;
  add_identity_members(json.add('{'), who);
  json.add(",\"bootId\":\"").add(boot_id_).add("\",\"shim\":{");
  add_identity_members(json, shim_);
  json.add(",\"version\":\"").add(OUTLIVE_VERSION).add("\"}}\n");
  return write_file_atomic(AT_FDCWD, "identity.json", json.view(), 0600, durable);
}

namespace {

int64_t microseconds(const struct timeval& time) { return int64_t{time.tv_sec} * 1000000 + time.tv_usec; }

}  // namespace

int ReservedFile::reserve(int size) {
  fd_.reset(open_fd(AT_FDCWD, reserved_name_, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd_.valid() || fchmod(fd_.get(), 0600) < 0) return -errno;
  int err = retried([&] { return fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, size); });
  // Only a full disk refuses the start. A file system that cannot reserve space, or a sandbox that forbids the call,
  // does not: there the write may still fail.
  return err == -ENOSPC || err == -EDQUOT ? err : 0;
}

int ReservedFile::write(std::string_view text) {
  int err = fd_.valid() ? 0 : reserve(static_cast<int>(text.size()));
  return err == 0 ? write_all(fd_.get(), text) : err;
}

int ReservedFile::flush() { return ::flush(fd_.get()); }

int ReservedFile::publish() { return renameat(AT_FDCWD, reserved_name_, AT_FDCWD, name_) < 0 ? -errno : 0; }

int ExitStatusFile::write(int code) {
  Text<16> text;
  return file_.write(text.add_int(code).view());
}

int ExitRecordFile::write(int wait_status, const struct rusage& usage, int64_t oom_kills, bool durable) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  bool signalled = WIFSIGNALED(wait_status);
  Text<512> json;
  json.add("{\"code\":");
  if (signalled) {
    json.add("null,\"signal\":").add_int(WTERMSIG(wait_status));
  } else {
    json.add_int(WEXITSTATUS(wait_status)).add(",\"signal\":null");
  }
  json.add(",\"coreDumped\":").add(signalled && WCOREDUMP(wait_status) ? "true" : "false");
  json.add(",\"endedAtMs\":").add_int(int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000);
  json.add(",\"userTimeUs\":").add_int(microseconds(usage.ru_utime));
  json.add(",\"systemTimeUs\":").add_int(microseconds(usage.ru_stime));
  json.add(",\"maxRssBytes\":").add_int(int64_t{usage.ru_maxrss} * 1024);
  if (oom_kills >= 0) json.add(",\"oomKills\":").add_int(oom_kills);
  json.add("}\n");
  int err = file_.write(json.view());
  if (err == 0 && durable) err = file_.flush();
  return err == 0 ? file_.publish() : err;
}
