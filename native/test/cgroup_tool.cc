// outlive-cgroup-tool: what the host runtime reads of cgroup v2, from files of the test's own, since few test machines
// have all of it. `stats` prints the statistics by the files of a cgroup's directory; `find` prints where a cgroup is
// in the mounts of a mountinfo text, or -errno; `path` the other way round; `at` prints root and type of the mount at a
// path, or -errno; `limits` prints what is written to which
// file for the resources in a JSON file ("+": behind the file's first word), or the reason why not.
//
// usage: outlive-cgroup-tool stats DIRECTORY
//        outlive-cgroup-tool find MOUNTINFO-FILE CGROUP
//        outlive-cgroup-tool path MOUNTINFO-FILE MOUNT-ID DIRECTORY
//        outlive-cgroup-tool at PATH
//        outlive-cgroup-tool limits JSON-FILE
#include <fcntl.h>
#include <limits.h>

#include <cstring>

#include "common/cgroup_path.h"
#include "common/files.h"
#include "host/bundle/limits.h"
#include "host/stats/stats.h"

namespace {

int print_stats(const char* directory) {
  UniqueFd dir_fd(open_fd(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  if (!dir_fd.valid()) return 1;
  Stats stats;
  add_cgroup_stats(dir_fd.get(), &stats);
  HeapText out(stats_json_capacity(stats));
  if (!out.valid()) return 1;
  add_stats_json(out, stats);
  return out.truncated() || write_all(STDOUT_FILENO, out.view()) < 0 ? 1 : 0;
}

int print_found(int err, TextBuilder& path) {
  if (err < 0) {
    path.clear();
    path.add_int(err);
  }
  return write_all(STDOUT_FILENO, path.view()) < 0 ? 1 : 0;
}

int print_place(const char* mountinfo, const char* cgroup) {
  MountReader mounts;
  if (mounts.open(mountinfo) < 0) return 1;
  Text<PATH_MAX> path;
  return print_found(find_in_mounts(mounts, cgroup, "", path), path);
}

int print_path(const char* mountinfo, const char* mount_id, const char* directory) {
  MountReader mounts;
  if (mounts.open(mountinfo) < 0) return 1;
  Text<PATH_MAX> path;
  return print_found(find_in_hierarchy(mounts, mount_id, directory, path), path);
}

int print_mount_at(const char* path) {
  Text<PATH_MAX + 64> found;
  Text<64> type;
  int err = read_mount_at(path, found, type);
  found.add(' ').add(type.view());
  return print_found(err, found);
}

int print_limits(const char* json) {
  FileBytes text;
  JsonDoc doc;
  JsonError wrong;
  Limits limits;
  Text<4096> out;
  if (read_file(AT_FDCWD, json, kJsonMaxSize, &text) < 0) return 1;
  if (!doc.parse(text.data(), text.size(), &wrong)) return 1;
  if (limits.read(doc.root(), out)) {
    for (const Limit& limit : limits) {
      out.add(limit.file).add(limit.keeps_first_word ? " + " : " = ");
      out.add(limit.text != nullptr ? limit.text : limit.number).add('\n');
    }
  }
  return write_all(STDOUT_FILENO, out.view()) < 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "stats") == 0) return print_stats(argv[2]);
  if (argc == 4 && strcmp(argv[1], "find") == 0) return print_place(argv[2], argv[3]);
  if (argc == 5 && strcmp(argv[1], "path") == 0) return print_path(argv[2], argv[3], argv[4]);
  if (argc == 3 && strcmp(argv[1], "at") == 0) return print_mount_at(argv[2]);
  if (argc == 3 && strcmp(argv[1], "limits") == 0) return print_limits(argv[2]);
  return 2;
}
