// What is to run: the OCI process object of config.json or process.json. An unreadable field is an error that names the
// field; an unsupported one is refused (unsupported.h). Field meanings: the OCI runtime specification, config.md,
// "Process". A null field counts as an absent one, as in Go.
#pragma once

#include <sys/types.h>

#include "common/files.h"
#include "common/heap_array.h"
#include "common/json.h"
#include "common/text.h"
#include "host/bundle/limits.h"

struct ResourceLimit {
  int resource = 0;
  uint64_t soft = 0;
  uint64_t hard = 0;
};

// Strings point into the document from which this was read.
struct ProcessConfig {
  HeapArray<const char*> args;  // both end with nullptr, as execve(2) needs it
  HeapArray<const char*> env;
  const char* cwd = nullptr;
  bool terminal = false;
  uint16_t terminal_rows = 0;  // 0x0: the kernel's default
  uint16_t terminal_columns = 0;
  bool has_user = false;  // an absent uid or gid: the caller's own
  bool has_uid = false;
  bool has_gid = false;
  uid_t uid = 0;
  gid_t gid = 0;
  HeapArray<gid_t> additional_gids;
  mode_t umask = 022;                // an absent one: as the reader of the file was told
  uint64_t ignored_signals = ~0ull;  // those that are to be reset; not of the file
  HeapArray<ResourceLimit> limits;
  bool no_new_privileges = false;
  bool has_oom_score_adj = false;
  int oom_score_adj = 0;
};

enum class ConfigKind {
  Bundle,  // config.json: the object holds `process`
  Exec,    // process.json: the object is the process
};

class ConfigFile {
 public:
  // The umask of a process whose config has none; the signals that this runtime was started to ignore.
  explicit ConfigFile(mode_t default_umask = 022, uint64_t ignored_signals = ~0ull) {
    process_.umask = default_umask;
    process_.ignored_signals = ignored_signals;
  }
  // Reads the file. False with the reason, which begins with the path.
  bool load(const char* path, ConfigKind kind, TextBuilder& error);
  // The same for bytes in memory. buffer[size] must be readable and writable.
  bool parse(char* buffer, size_t size, const char* name, ConfigKind kind, TextBuilder& error);

  const ProcessConfig& process() const { return process_; }
  // The bundle's linux.resources; empty for process.json.
  const Limits& limits() const { return limits_; }
  // The bundle's annotations; absent for process.json.
  JsonValue annotations() const { return annotations_; }

 private:
  FileBytes bytes_;
  JsonDoc doc_;
  ProcessConfig process_;
  Limits limits_{"linux.resources."};
  JsonValue annotations_;
};
