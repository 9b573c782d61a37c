// `state`: what runc prints, of a container of ours.
#include <errno.h>
#include <stdlib.h>

#include "common/json_escape.h"
#include "host/commands.h"
#include "host/report.h"
#include "host/state.h"
#include "host/store.h"

namespace {

void add_field(TextBuilder& out, const char* name, std::string_view text) {
  add_json_string(out.add("  \"").add(name).add("\": "), text);
  out.add(",\n");
}

}  // namespace

bool state_command(const CommandLine& line, TextBuilder& error) {
  UniqueFd root_fd, container_fd, init_fd;
  StateFile file;
  if (open_existing(line.root, line.id, &root_fd, &container_fd, error) < 0) return false;
  int err = file.load(container_fd.get(), error);
  if (err < 0 && err != -ENOENT) return false;
  error.clear();
  bool running = err == 0 && first_process_runs(file.state, &init_fd);

  size_t capacity = 4096 + 6 * (file.state.bundle.size() + file.state.created.size());
  for (JsonValue item = file.state.annotations.first(); item; item = item.next()) {
    capacity += 6 * (item.key().size() + item.str().size()) + 8;
  }
  char* buffer = static_cast<char*>(malloc(capacity));
  if (buffer == nullptr) {
    error.add("out of memory");
    return false;
  }
  TextBuilder out(buffer, capacity);
  out.add("{\n");
  add_field(out, "ociVersion", "1.0.2");
  add_field(out, "id", line.id);
  out.add("  \"pid\": ").add_int(running ? file.state.init.pid : 0).add(",\n");
  // Half made: a `run` is at it, or was killed.
  add_field(out, "status", err == -ENOENT ? "creating" : running ? "running" : "stopped");
  add_field(out, "bundle", file.state.bundle);
  add_field(out, "rootfs", "");
  add_field(out, "created", file.state.created);
  add_json_strings(out.add("  \"annotations\": "), file.state.annotations);
  out.add(",\n  \"owner\": \"\"\n}\n");
  err = write_all(STDOUT_FILENO, out.view());
  free(buffer);
  if (err < 0) add_reason(error.add("standard output: "), err);
  return err == 0;
}
