// outlive-stats-tool: prints the statistics that the host runtime reads from a cgroup's files. Takes any directory with
// such files, since not every machine has a cgroup v2 with the controllers.
//
// usage: outlive-stats-tool DIRECTORY
#include <fcntl.h>

#include "common/files.h"
#include "host/stats/stats.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  UniqueFd dir_fd(open_fd(AT_FDCWD, argv[1], O_RDONLY | O_DIRECTORY));
  if (!dir_fd.valid()) return 1;
  Stats stats;
  add_cgroup_stats(dir_fd.get(), &stats);
  HeapText out(stats_json_capacity(stats));
  if (!out.valid()) return 1;
  add_stats_json(out, stats);
  return out.truncated() || write_all(STDOUT_FILENO, out.view()) < 0 ? 1 : 0;
}
