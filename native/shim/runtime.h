// The runtime's command lines, and running them. The argv is DESIGN's contract: global flags, the caller's runtimeArgs,
// then run / create / exec / restore or delete.
#pragma once

#include <sys/types.h>

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

// A NULL-terminated argv; the strings of its own making live inside it.
class Argv {
 public:
  Argv() = default;
  Argv(const Argv&) = delete;
  Argv& operator=(const Argv&) = delete;
  ~Argv();
  // Keeps the pointer. After a failed allocation, here or below, failed() is true.
  void add(const char* arg);
  // Makes one string of both.
  void add_path(std::string_view dir, std::string_view name);
  bool failed() const { return failed_; }
  char* const* data() const { return items_; }

 private:
  char** items_ = nullptr;
  bool* owned_ = nullptr;
  size_t count_ = 0;
  size_t capacity_ = 0;
  bool failed_ = false;
};

// 0, or a negated errno with the reason in `why`.
int build_start_args(const RuntimeContext& context, Argv* argv, TextBuilder& why);
int build_delete_args(const RuntimeContext& context, bool force, Argv* argv);

// Starts argv[0] (looked up on PATH) with these three descriptors as its stdio and an empty signal mask, in the shim's
// process group or one of its own; a descriptor of -1 is /dev/null. OUTLIVE_SUBREAPER tells the runtime whom its
// orphans come to. The pid, or -errno when it did not start.
pid_t spawn_runtime(const Argv& argv, const int stdio_fds[3], bool own_group);
