// process.json as the shim reads it: the keys that the library puts beside the OCI process object, and of that object
// only `terminal` and the user's id. The rest is for the runtime. Original: ProcessState of containerd's runtime
// package (June 2016).
#pragma once

#include <sys/types.h>

#include "common/files.h"
#include "common/json.h"
#include "common/text.h"

// Where the output is kept, and how much of it (docs/protocol.md, "The log of a process's output").
struct LogConfig {
  const char* dir = nullptr;  // absolute; nullptr: there is no log
  uint64_t max_bytes = 0;     // of all files together
  uint64_t segment_bytes = 0;
};

struct ShimConfig {
  bool exec = false;
  bool create = false;  // the runtime creates only; its `start`, which the library calls, runs the program
  bool terminal = false;
  bool no_pivot_root = false;
  bool durable = false;  // what the shim records is flushed to the disk
  const char* stdio_path[3] = {"/dev/null", "/dev/null", "/dev/null"};
  LogConfig log;
  const char* checkpoint = "";  // a name under <bundle>/checkpoints, or an absolute image directory; "": none
  JsonValue runtime_args;       // an array of strings, or absent
  uid_t root_uid = 0;           // host ids of the container's 0/0
  gid_t root_gid = 0;
  uid_t user = 0;  // the process's user, as an id inside the container

  // Whether a stream goes to the log: 1 for stdout, 2 for stderr.
  bool is_logged(int stream) const;

  // The pointers above point into these.
  FileBytes bytes;
  JsonDoc doc;
};

// Reads process.json in the working directory: 0, or -errno with the reason in `why`.
int load_config(ShimConfig* config, TextBuilder& why);

// The flags of a checkpoint, from the config.json beside its image.
struct CheckpointFlags {
  bool shell = false;
  bool tcp = false;
  bool unix_sockets = false;
  JsonValue empty_ns;  // an array of strings, or absent

  // empty_ns points into these.
  FileBytes bytes;
  JsonDoc doc;
};

// Reads <image>/config.json: 0, or -errno with the reason in `why`. If the file is missing, no flag is set.
int load_checkpoint_flags(const char* image_path, CheckpointFlags* flags, TextBuilder& why);
