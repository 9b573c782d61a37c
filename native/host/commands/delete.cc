// `delete`: ends what is left of a container and removes its directory. With --force also while its first process runs.
#include <errno.h>

#include "host/commands/commands.h"
#include "host/members/end.h"
#include "host/state/container.h"
#include "host/state/store.h"

namespace {

// As with runc, a created container needs no --force: its program never ran.
bool may_delete(Status status) {
  return status == Status::Stopped || status == Status::Created || status == Status::Creating;
}

bool delete_locked(const CommandLine& line, Container& container, TextBuilder& error) {
  // A half made container has no process: it ended with its `run`. If state.json is damaged, the processes that it
  // named are unknown; only --force gives them up.
  bool known = container.load(error);
  if (!known && !line.force) return false;
  error.clear();
  Status status = known && !line.force ? container.status() : Status::Stopped;
  if (!may_delete(status)) {
    error.add("cannot delete container ").add(line.id).add(" that is not stopped: ").add(status_word(status));
    return false;
  }
  const ContainerState* state = known && !container.half_made() ? &container.state() : nullptr;
  return end_container(state, container.fd(), error) &&
         remove_container(container.root_fd(), line.id, container.fd(), error);
}

}  // namespace

bool delete_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  int err = container.open_locked(line, error);
  if (err < 0) return line.force && err == -ENOENT;
  return delete_locked(line, container, error);
}
