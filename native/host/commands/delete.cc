// `delete`: ends what a container left behind and forgets it; with --force while its first process runs, too.
#include <errno.h>

#include "host/commands/commands.h"
#include "host/members/end.h"
#include "host/state/container.h"
#include "host/state/store.h"

namespace {

// A created one, whose program never ran, is deleted as runc does it: without force.
bool may_go(Status status) {
  return status == Status::Stopped || status == Status::Created || status == Status::Creating;
}

bool delete_locked(const CommandLine& line, Container& container, TextBuilder& error) {
  // Half made: its process was never let go and ended with its `run`. Damaged: only force gives up what it named.
  bool known = container.load(error);
  if (!known && !line.force) return false;
  error.clear();
  Status status = known && !line.force ? container.status() : Status::Stopped;
  if (!may_go(status)) {
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
