#include "host/state/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cstring>

#include "common/clock.h"
#include "common/files.h"
#include "host/reason.h"

namespace {

constexpr int64_t kLockTimeoutMs = 10000;

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

void add_default_root(TextBuilder& out) {
  const char* runtime_dir = getenv("XDG_RUNTIME_DIR");
  if (geteuid() == 0) {
    out.add("/run/outlive-host");
  } else if (runtime_dir != nullptr && runtime_dir[0] == '/') {
    out.add(runtime_dir).add("/outlive-host");
  } else {
    out.add("/tmp/outlive-host-").add_int(geteuid());
  }
}

// mkdir -p, mode 0700. Changes `path` while it runs, and restores it.
int make_directories(char* path) {
  if (mkdir(path, 0700) == 0 || errno == EEXIST) return 0;
  if (errno != ENOENT) return -errno;
  for (char* at = path + 1; *at != '\0'; at++) {
    if (*at != '/') continue;
    *at = '\0';
    int err = mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -errno;
    *at = '/';
    if (err < 0) return err;
  }
  return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

// SIGALRM only has to make flock(2) fail with EINTR.
void on_alarm(int) {}

// flock(2) has no timeout, so an interval timer interrupts it. The timer repeats, since its first tick may come before
// the call.
int lock_with_timeout(int fd) {
  struct sigaction wake = {};
  wake.sa_handler = on_alarm;
  sigaction(SIGALRM, &wake, nullptr);
  sigset_t alarm_only;
  sigemptyset(&alarm_only);
  sigaddset(&alarm_only, SIGALRM);
  sigprocmask(SIG_UNBLOCK, &alarm_only, nullptr);
  struct itimerval tick = {{0, 100000}, {0, 100000}};
  setitimer(ITIMER_REAL, &tick, nullptr);

  int64_t deadline = monotonic_ms() + kLockTimeoutMs;
  int err;
  do err = flock(fd, LOCK_EX) < 0 ? -errno : 0;
  while (err == -EINTR && monotonic_ms() < deadline);

  struct itimerval off = {};
  setitimer(ITIMER_REAL, &off, nullptr);
  return err;
}

void add_root_path(TextBuilder& out, const char* path) {
  if (path == nullptr) return add_default_root(out);
  // With a slash at the end, O_NOFOLLOW would not apply to a symbolic link.
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  out.add(std::string_view(path, length));
}

// Opens the directory, and makes it before if `create` says so: 0 or -errno.
int open_root_directory(const TextBuilder& name, bool create, UniqueFd* root_fd) {
  if (name.truncated()) return -ENAMETOOLONG;
  Text<4096> scratch;
  scratch.add(name.view());
  int err = create ? make_directories(const_cast<char*>(scratch.c_str())) : 0;
  if (err < 0) return err;
  // A symbolic link is ENOTDIR too (O_DIRECTORY | O_NOFOLLOW).
  root_fd->reset(open_fd(AT_FDCWD, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return root_fd->valid() ? 0 : root_fd->get();
}

void add_no_such_container(TextBuilder& error, const char* id) { error.add("container does not exist: ").add(id); }

}  // namespace

bool is_valid_id(const char* id) {
  if (!is_letter_or_digit(id[0])) return false;
  size_t length = strlen(id);
  for (size_t i = 1; i < length; i++) {
    if (!is_letter_or_digit(id[i]) && strchr("_.+-", id[i]) == nullptr) return false;
  }
  return length <= 255;
}

int open_root(const char* path, bool create, UniqueFd* root_fd, TextBuilder& error) {
  Text<4096> name;
  add_root_path(name, path);
  struct stat st;
  int err = open_root_directory(name, create, root_fd);
  if (err == -ENOENT && !create) return err;
  if (err == 0 && fstat(root_fd->get(), &st) < 0) err = -errno;
  if (err < 0) {
    add_reason(error.add("state root ").add(name.view()).add(": "), err);
    return err;
  }
  bool owned = st.st_uid == geteuid();
  if (owned && (st.st_mode & 022) == 0) return 0;
  error.add("state root ").add(name.view());
  error.add(owned ? " may be written to by others" : " belongs to another user");
  return -EPERM;
}

bool create_container(int root_fd, const char* id, UniqueFd* container_fd, TextBuilder& error) {
  for (;;) {
    // mkdir(2) decides which of two runs with one id comes first.
    if (mkdirat(root_fd, id, 0700) < 0) {
      if (errno == EEXIST) {
        error.add("container with id exists: ").add(id);
      } else {
        add_reason(error.add("cannot make the state directory of ").add(id).add(": "), errno);
      }
      return false;
    }
    // Race: between our mkdir and our lock, a `delete` may take the new directory for a half made one and remove it.
    // Then st_nlink is 0, and we begin again.
    int err = open_fd(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (err == -ENOENT) continue;
    if (err >= 0) {
      container_fd->reset(err);
      err = flock(container_fd->get(), LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
      if (err == -EWOULDBLOCK) err = lock_with_timeout(container_fd->get());
    }
    struct stat st;
    if (err == 0 && fstat(container_fd->get(), &st) < 0) err = -errno;
    if (err == 0 && st.st_nlink > 0) return true;
    if (err == 0) continue;
    add_reason(error.add("cannot lock the state directory of ").add(id).add(": "), err);
    // Removes only an empty directory. If it belongs to another run by now, that run makes it again.
    (void)unlinkat(root_fd, id, AT_REMOVEDIR);
    return false;
  }
}

int open_existing(const char* root, const char* id, UniqueFd* root_fd, UniqueFd* container_fd, TextBuilder& error) {
  int fd = open_root(root, false, root_fd, error);
  if (fd >= 0) fd = open_fd(root_fd->get(), id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (fd >= 0) {
    container_fd->reset(fd);
  } else if (fd == -ENOENT) {
    add_no_such_container(error, id);
  } else if (error.size() == 0) {
    add_reason(error.add("cannot open the state directory of ").add(id).add(": "), fd);
  }
  return fd < 0 ? fd : 0;
}

int lock_container(int container_fd, const char* id, TextBuilder& error) {
  int err = flock(container_fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
  if (err == -EWOULDBLOCK || err == -EINTR) err = lock_with_timeout(container_fd);
  struct stat st;
  if (err == -EINTR) err = -ETIMEDOUT;
  if (err == 0 && fstat(container_fd, &st) < 0) err = -errno;
  if (err < 0) {
    add_reason(error.add("container ").add(id).add(" is busy: "), err);
    return err;
  }
  if (st.st_nlink > 0) return 0;
  add_no_such_container(error, id);
  return -ENOENT;
}

void unlock_container(int container_fd) { flock(container_fd, LOCK_UN); }

bool remove_container(int root_fd, const char* id, int container_fd, TextBuilder& error) {
  // closedir(3) closes its descriptor, so it gets one of its own.
  int list_fd = open_fd(container_fd, ".", O_RDONLY | O_DIRECTORY);
  DIR* dir = list_fd < 0 ? nullptr : fdopendir(list_fd);
  int err = list_fd < 0 ? list_fd : 0;
  // Remove every file, also temporary files of killed writers. state.json goes last, so that a `delete` that is killed
  // here can be repeated.
  while (dir != nullptr) {
    struct dirent* entry = readdir(dir);
    if (entry == nullptr) break;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (strcmp(entry->d_name, "state.json") == 0) continue;
    if (unlinkat(container_fd, entry->d_name, 0) < 0 && errno != ENOENT) err = -errno;
  }
  if (dir != nullptr) closedir(dir);
  if (err == 0 && unlinkat(container_fd, "state.json", 0) < 0 && errno != ENOENT) err = -errno;
  if (err == 0 && unlinkat(root_fd, id, AT_REMOVEDIR) < 0) err = -errno;
  if (err == 0) return true;
  add_reason(error.add("cannot remove the state directory of ").add(id).add(": "), err);
  return false;
}
