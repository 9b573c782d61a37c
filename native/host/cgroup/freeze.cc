#include "host/cgroup/freeze.h"

#include <errno.h>
#include <fcntl.h>

#include "common/files.h"
#include "host/cgroup/cgroup.h"
#include "host/cgroup/events.h"

namespace {

constexpr char kFile[] = "cgroup.freeze";

int set_frozen(int cgroup_fd, bool frozen, int64_t deadline_ms) {
  UniqueFd freeze_fd(open_fd(cgroup_fd, kFile, O_WRONLY));
  if (!freeze_fd.valid()) return freeze_fd.get();
  UniqueFd events_fd(open_fd(cgroup_fd, "cgroup.events", O_RDONLY));
  if (!events_fd.valid()) return events_fd.get();
  int err = write_all(freeze_fd.get(), frozen ? "1" : "0");
  if (err == 0) err = wait_for_event(events_fd.get(), frozen ? "frozen 1" : "frozen 0", deadline_ms);
  if (err < 0 && frozen) (void)write_all(freeze_fd.get(), "0");
  return err;
}

}  // namespace

int freeze_cgroup(int container_fd, int64_t deadline_ms) {
  UniqueFd cgroup_fd;
  int err = open_cgroup(container_fd, &cgroup_fd);
  return err < 0 ? err : set_frozen(cgroup_fd.get(), true, deadline_ms);
}

int thaw_cgroup(int container_fd, int64_t deadline_ms) {
  UniqueFd cgroup_fd;
  int err = open_cgroup(container_fd, &cgroup_fd);
  return err < 0 ? err : set_frozen(cgroup_fd.get(), false, deadline_ms);
}

bool is_frozen(int container_fd) {
  UniqueFd cgroup_fd;
  FileBytes text;
  return open_cgroup(container_fd, &cgroup_fd) == 0 && read_file(cgroup_fd.get(), kFile, 64, &text) == 0 &&
         text.view() == "1\n";
}
