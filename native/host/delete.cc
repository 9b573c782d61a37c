// `delete`: ends what a container left behind and forgets it; with --force while its first process runs, too.
#include <errno.h>

#include "host/commands.h"
#include "host/ending.h"
#include "host/state.h"
#include "host/store.h"

namespace {

bool delete_locked(const CommandLine& line, int root_fd, int container_fd, TextBuilder& error) {
  StateFile file;
  int err = file.load(container_fd, error);
  // Half made: its process was never let go and ended with its `run`. Damaged: only force gives up what it named.
  if (err < 0 && err != -ENOENT && !line.force) return false;
  error.clear();
  UniqueFd init_fd;
  if (err == 0 && !line.force && first_process_runs(file.state, &init_fd)) {
    error.add("cannot delete container ").add(line.id).add(" that is not stopped: running");
    return false;
  }
  return end_container(err == 0 ? &file.state : nullptr, container_fd, error) &&
         remove_container(root_fd, line.id, container_fd, error);
}

}  // namespace

bool delete_command(const CommandLine& line, TextBuilder& error) {
  UniqueFd root_fd, container_fd;
  int err = open_existing(line.root, line.id, &root_fd, &container_fd, error);
  if (err == 0) err = lock_container(container_fd.get(), line.id, error);
  if (err < 0) return line.force && err == -ENOENT;
  return delete_locked(line, root_fd.get(), container_fd.get(), error);
}
