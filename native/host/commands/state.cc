// `state`: prints a container's state as runc does.
#include <errno.h>

#include "common/json_escape.h"
#include "host/commands/commands.h"
#include "host/reason.h"
#include "host/state/container.h"

namespace {

void add_field(TextBuilder& out, const char* name, std::string_view text) {
  add_json_string(out.add("  \"").add(name).add("\": "), text);
  out.add(",\n");
}

}  // namespace

bool state_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  if (container.open(line, error) < 0 || !container.load(error)) return false;
  const ContainerState& state = container.state();
  Status status = container.status();
  bool alive = status != Status::Creating && status != Status::Stopped;

  HeapText out(4096 + 6 * (state.bundle.size() + state.created.size()) + annotations_capacity(state.annotations));
  if (!out.valid()) {
    error.add("out of memory");
    return false;
  }
  out.add("{\n");
  add_field(out, "ociVersion", "1.0.2");
  add_field(out, "id", line.id);
  out.add("  \"pid\": ").add_int(alive ? state.init.pid : 0).add(",\n");
  add_field(out, "status", status_word(status));
  add_field(out, "bundle", state.bundle);
  add_field(out, "rootfs", "");
  add_field(out, "created", state.created);
  add_annotations(out.add("  \"annotations\": "), state.annotations);
  out.add(",\n  \"owner\": \"\"\n}\n");
  int err = write_all(STDOUT_FILENO, out.view());
  if (err < 0) add_reason(error.add("standard output: "), err);
  return err == 0;
}
