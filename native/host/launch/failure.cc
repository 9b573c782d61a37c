#include "host/launch/failure.h"

#include <errno.h>
#include <unistd.h>

namespace {

void add_exec_error(const char* program, const ChildFailure& failure, TextBuilder& error) {
  error.add("exec: \"").add(program).add("\": ");
  if (failure.step == ChildStep::FindProgram) {
    error.add("executable file not found in $PATH");
    return;
  }
  if (failure.step == ChildStep::StatProgram) error.add("stat ").add(program).add(": ");
  add_reason(error, failure.err);
  if (failure.step == ChildStep::Exec && failure.err == ENOENT) error.add(" (its interpreter or loader)");
}

// What could not be done, for the steps whose message names nothing else; otherwise nullptr.
const char* words_of(ChildStep step) {
  switch (step) {
    case ChildStep::NewSession:
      return "setsid: ";
    case ChildStep::Stdio:
      return "cannot set up standard input and output: ";
    case ChildStep::Terminal:
      return "cannot take the terminal as the controlling one: ";
    case ChildStep::OomScoreAdj:
      return "process.oomScoreAdj: write /proc/self/oom_score_adj: ";
    case ChildStep::Groups:
      return "process.user.additionalGids: setgroups: ";
    case ChildStep::Gid:
      return "process.user.gid: setresgid: ";
    case ChildStep::Uid:
      return "process.user.uid: setresuid: ";
    case ChildStep::NoNewPrivileges:
      return "process.noNewPrivileges: prctl: ";
    case ChildStep::Descriptors:
      return "cannot close descriptors: ";
    default:
      return nullptr;
  }
}

// Who may do it and what to do instead, if the caller lacks a right of root's.
void add_missing_right(const ChildFailure& failure, TextBuilder& error) {
  switch (failure.step) {
    case ChildStep::Groups:
    case ChildStep::Gid:
    case ChildStep::Uid:
      if (failure.err != EPERM) return;
      error.add(": only root (CAP_SETUID, CAP_SETGID) may choose user and groups, and this is uid ").add_int(geteuid());
      error.add(": name no other user, or run this as root");
      return;
    case ChildStep::OomScoreAdj:
      if (failure.err == EACCES) error.add(": only root (CAP_SYS_RESOURCE) may set it below its own value");
      return;
    case ChildStep::Limit:
      if (failure.err == EPERM) error.add(": only root (CAP_SYS_RESOURCE) may set a hard limit above its own");
      return;
    default:
      return;
  }
}

// The name of the call that failed; nullptr if the step makes several.
const char* call_of(ChildStep step) {
  switch (step) {
    case ChildStep::NewSession:
      return "setsid";
    case ChildStep::Terminal:
      return "ioctl";
    case ChildStep::Limit:
      return "setrlimit";
    case ChildStep::Cwd:
      return "chdir";
    case ChildStep::Groups:
      return "setgroups";
    case ChildStep::Gid:
      return "setresgid";
    case ChildStep::Uid:
      return "setresuid";
    case ChildStep::NoNewPrivileges:
      return "prctl";
    case ChildStep::FindProgram:
    case ChildStep::StatProgram:
    case ChildStep::Exec:
      return "execve";
    default:
      return nullptr;
  }
}

void set_call(const FailureNames& names, const ChildFailure& failure, FailedCall* call) {
  const char* name = call_of(failure.step);
  if (name == nullptr) return;
  call->err = failure.err < 0 ? -failure.err : failure.err;
  call->name = name;
  if (failure.step == ChildStep::Cwd) call->path.add(names.cwd);
  if (failure.step >= ChildStep::FindProgram) call->path.add(names.program);
}

}  // namespace

void add_failure(const FailureNames& names, const ChildFailure& failure, Reason& error) {
  set_call(names, failure, &error.call);
  const char* words = words_of(failure.step);
  if (words != nullptr) {
    error.add(words);
  } else if (failure.step == ChildStep::Limit) {
    error.add("process.rlimits[").add_int(failure.detail).add("]: setrlimit: ");
  } else if (failure.step == ChildStep::Cwd) {
    error.add("process.cwd: chdir ").add(names.cwd).add(": ");
  } else {
    add_exec_error(names.program, failure, error);
    return;
  }
  add_reason(error, failure.err);
  add_missing_right(failure, error);
}
