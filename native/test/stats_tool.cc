// outlive-stats-tool: prints what the host runtime makes of a cgroup's files, of any directory that holds some: no test
// can count on a machine where cgroup v2 has the controllers.
//
// usage: outlive-stats-tool DIRECTORY
#include <fcntl.h>
#include <stdlib.h>

#include "common/files.h"
#include "host/stats/stats.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  UniqueFd dir_fd(open_fd(AT_FDCWD, argv[1], O_RDONLY | O_DIRECTORY));
  if (!dir_fd.valid()) return 1;
  Stats stats;
  add_cgroup_stats(dir_fd.get(), &stats);
  size_t capacity = stats_json_capacity(stats);
  char* buffer = static_cast<char*>(malloc(capacity));
  if (buffer == nullptr) return 1;
  TextBuilder out(buffer, capacity);
  add_stats_json(out, stats);
  int err = out.truncated() ? -1 : write_all(STDOUT_FILENO, out.view());
  free(buffer);
  return err < 0 ? 1 : 0;
}
