// mounts <count> <directory> <cgroup2: keep or hide> <program> [argument …]: executes the program in a mount namespace of
// its own, in which <directory> has so many bind mounts more. `hide` takes cgroup v2's mounts away, as if there were none.
// All is gone with the last process of the namespace.
#define _GNU_SOURCE
#include <limits.h>
#include <mntent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int add_mounts(const char* dir, int count) {
  if (mount("bench", dir, "tmpfs", 0, "mode=0700") < 0) return -1;
  for (int i = 0; i < count; i++) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%d", dir, i);
    if (mkdir(path, 0700) < 0 || mount(path, path, NULL, MS_BIND, NULL) < 0) return -1;
  }
  return 0;
}

static int hide_cgroup2(void) {
  FILE* mounts = setmntent("/proc/self/mounts", "r");
  if (mounts == NULL) return -1;
  int err = 0;
  for (struct mntent* entry; err == 0 && (entry = getmntent(mounts)) != NULL;) {
    if (strcmp(entry->mnt_type, "cgroup2") == 0) err = umount2(entry->mnt_dir, MNT_DETACH);
  }
  endmntent(mounts);
  return err;
}

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
    perror("mounts: unshare");
    return 1;
  }
  if (add_mounts(argv[2], atoi(argv[1])) < 0 || (strcmp(argv[3], "hide") == 0 && hide_cgroup2() < 0)) {
    perror("mounts: mount");
    return 1;
  }
  execv(argv[4], argv + 4);
  perror(argv[4]);
  return 127;
}
