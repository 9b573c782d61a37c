// state.json: what the host runtime remembers of a container, so that a later call finds its processes again without
// ever mistaking another for one of them. Not the library's state.json (DESIGN, "The state directory").
#pragma once

#include "common/files.h"
#include "common/heap_array.h"
#include "common/identity.h"
#include "common/json.h"
#include "common/text.h"

struct ContainerState {
  std::string_view id;
  std::string_view bundle;
  std::string_view created;  // RFC 3339
  std::string_view boot_id;
  ProcessIdentity init;
  HeapArray<ProcessIdentity> execs;
  // Subreapers that were started for this container alone (its shims): every descendant of theirs is a member.
  HeapArray<ProcessIdentity> adopters;
  // Paused by signals: those that were stopped for it. (A frozen cgroup says so itself.)
  bool paused = false;
  HeapArray<ProcessIdentity> stopped;
  JsonValue annotations;
};

// A state.json as read; `state` points into it.
class StateFile {
 public:
  // 0; -ENOENT when there is none (half made); -EPROTO when it cannot be understood. The error text is set then.
  int load(int container_fd, TextBuilder& error);

  ContainerState state;

 private:
  FileBytes bytes_;
  JsonDoc doc_;
};

bool save_state(int container_fd, const ContainerState& state, TextBuilder& error);

// Records the caller's parent as an adopter when it says (OUTLIVE_SUBREAPER=<its pid>) that it is one.
bool add_adopter(ContainerState* state);
// The pid in OUTLIVE_SUBREAPER, or 0.
pid_t named_adopter();

// The state is of this boot, and the first process has not ended: its pidfd in *init_fd.
bool first_process_runs(const ContainerState& state, UniqueFd* init_fd);
bool is_this_boot(const ContainerState& state);

// Appends a JSON string with its quotes, or an object of strings.
void add_json_string(TextBuilder& out, std::string_view text);
void add_json_strings(TextBuilder& out, JsonValue object);
