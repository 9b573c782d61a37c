// The runtime's command lines, and running them. The arguments are the contract of docs/protocol.md, "The shim": global
// flags, the caller's runtimeArgs, then run, create, exec, restore or delete.
#pragma once

#include <sys/types.h>

#include "common/heap_array.h"
#include "common/text.h"
#include "shim/config.h"

struct RuntimeContext {
  const char* runtime;  // a path, or a name for PATH
  const char* id;
  const char* bundle;
  const char* dir;  // the process directory, absolute
  const ShimConfig* config;
  const char* console_path;  // nullptr without a terminal
};

// A NULL-terminated argv. Owns the strings that it makes.
class Argv {
 public:
  Argv() = default;
  Argv(const Argv&) = delete;
  Argv& operator=(const Argv&) = delete;
  ~Argv();
  // Appends the pointer. If an allocation fails, here or below, failed() is true from then on.
  void add(const char* arg);
  // Appends a new string, `dir` followed by `name`.
  void add_path(std::string_view dir, std::string_view name);
  bool failed() const { return failed_; }
  char* const* data() const { return items_.data(); }

 private:
  HeapArray<char*> items_;  // nullptr behind the last
  HeapArray<char*> owned_;
  bool failed_ = false;
};

// 0, or -errno with the reason in `why`.
int build_start_args(const RuntimeContext& context, Argv* argv, TextBuilder& why);
int build_delete_args(const RuntimeContext& context, bool force, Argv* argv);

// Starts `program`, a path or a name for PATH, with these arguments: the pid, or -errno if it did not start (-ENOEXEC
// if it is no program: a text without #! is not given to a shell, as the library would not give it to one either). It
// gets these three descriptors as stdio
// (-1: /dev/null), an empty signal mask, and the shim's process group or one of its own. OUTLIVE_SUBREAPER tells the
// runtime which process adopts its orphans.
pid_t spawn_runtime(const char* program, const Argv& argv, const int stdio_fds[3], bool own_group);
