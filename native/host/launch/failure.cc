#include "host/launch/failure.h"

#include <errno.h>

#include "host/reason.h"

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

}  // namespace

void add_failure(const FailureNames& names, const ChildFailure& failure, TextBuilder& error) {
  switch (failure.step) {
    case ChildStep::NewSession:
      error.add("setsid: ");
      break;
    case ChildStep::Stdio:
      error.add("cannot set up standard input and output: ");
      break;
    case ChildStep::Terminal:
      error.add("cannot take the terminal as the controlling one: ");
      break;
    case ChildStep::OomScoreAdj:
      error.add("process.oomScoreAdj: write /proc/self/oom_score_adj: ");
      break;
    case ChildStep::Limit:
      error.add("process.rlimits[").add_int(failure.detail).add("]: setrlimit: ");
      break;
    case ChildStep::Cwd:
      error.add("process.cwd: chdir ").add(names.cwd).add(": ");
      break;
    case ChildStep::Groups:
      error.add("process.user.additionalGids: setgroups: ");
      break;
    case ChildStep::Gid:
      error.add("process.user.gid: setresgid: ");
      break;
    case ChildStep::Uid:
      error.add("process.user.uid: setresuid: ");
      break;
    case ChildStep::NoNewPrivileges:
      error.add("process.noNewPrivileges: prctl: ");
      break;
    case ChildStep::Descriptors:
      error.add("cannot close descriptors: ");
      break;
    case ChildStep::FindProgram:
    case ChildStep::StatProgram:
    case ChildStep::Exec:
      add_exec_error(names.program, failure, error);
      return;
  }
  add_reason(error, failure.err);
}
