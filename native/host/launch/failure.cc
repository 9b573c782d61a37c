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

}  // namespace

void add_failure(const FailureNames& names, const ChildFailure& failure, TextBuilder& error) {
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
}
