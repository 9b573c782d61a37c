// process.json as the shim reads it: the keys that the library puts beside the OCI process object, `terminal` and
// the user's id. The OCI object itself is the runtime's business. Source: ProcessState of containerd's runtime package
// (June 2016).
#pragma once

#include <sys/types.h>

#include "common/files.h"
#include "common/json.h"
#include "common/text.h"

struct ShimConfig {
  bool exec = false;
  bool create = false;  // stop before the program runs; the runtime's `start`, which the library calls, lets it go
  bool terminal = false;
  bool no_pivot_root = false;
  const char* stdio_path[3] = {"/dev/null", "/dev/null", "/dev/null"};
  const char* checkpoint = "";  // a name under <bundle>/checkpoints, or an absolute image directory; "" for none
  JsonValue runtime_args;       // an array of strings, or absent
  uid_t root_uid = 0;           // host ids of the container's 0/0
  gid_t root_gid = 0;
  uid_t user = 0;  // the process's own, in the container

  // What the pointers above point into.
  FileBytes bytes;
  JsonDoc doc;
};

// Reads process.json in the working directory. 0, or a negated errno with the whole reason in `why`.
int load_config(ShimConfig* config, TextBuilder& why);

// Flags of a checkpoint, from the config.json beside its image.
struct CheckpointFlags {
  bool shell = false;
  bool tcp = false;
  bool unix_sockets = false;
  JsonValue empty_ns;  // an array of strings, or absent

  // What empty_ns points into.
  FileBytes bytes;
  JsonDoc doc;
};

// Reads <image>/config.json; a missing file is no flags.
int load_checkpoint_flags(const char* image_path, CheckpointFlags* flags, TextBuilder& why);
