// state.json of the host runtime: what it remembers of a container, so that a later call finds exactly its processes
// again. Not the library's state.json (docs/protocol.md, "Files of a container").
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
  // Subreapers that were started only for this container (its shims): every descendant of theirs is a member.
  HeapArray<ProcessIdentity> adopters;
  // Paused by signals, and the processes that were stopped for it. The kernel knows about a frozen cgroup.
  bool paused = false;
  HeapArray<ProcessIdentity> stopped;
  JsonValue annotations;
};

// A state.json that was read; `state` points into it.
class StateFile {
 public:
  // 0, or a negated errno with the error text set: -ENOENT if there is none (half made), -EPROTO if it is damaged.
  int load(int container_fd, TextBuilder& error);

  ContainerState state;

 private:
  FileBytes bytes_;
  JsonDoc doc_;
};

bool save_state(int container_fd, const ContainerState& state, TextBuilder& error);

// Records the caller's parent as an adopter if OUTLIVE_SUBREAPER holds its pid. False if memory runs out.
bool add_adopter(ContainerState* state);
// The pid in OUTLIVE_SUBREAPER, or 0.
pid_t named_adopter();

// True if the state is of this boot and the first process has not ended; then its pidfd is in *init_fd.
bool first_process_runs(const ContainerState& state, UniqueFd* init_fd);
bool is_this_boot(const ContainerState& state);

// Appends the annotations as a JSON object of strings.
void add_annotations(TextBuilder& out, JsonValue annotations);
// The largest size of that object.
size_t annotations_capacity(JsonValue annotations);
