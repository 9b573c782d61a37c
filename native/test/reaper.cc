// outlive-test-reaper: replaces the shim in the tests of the host runtime. It is a child subreaper, runs the commands
// that it reads from stdin, reaps every child and prints how each one ended.
//
// stdin: one command in each line, its words separated by tabs; words before the program may be "<file", ">file",
// "2>file" (default: /dev/null). stdout: "started <pid>" for each command, in order; "<pid> exit <n>" or "<pid> signal
// <n>" for each reaped child. At the end of stdin it kills its remaining children and exits. With --no-adopter it does
// not set OUTLIVE_SUBREAPER for the commands.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <cstring>

#include "common/files.h"
#include "common/text.h"
#include "host/members/process_tree.h"

namespace {

constexpr size_t kMaxLine = 64u << 10;
constexpr int kMaxWords = 256;

void say(const TextBuilder& line) { (void)write_all(STDOUT_FILENO, line.view()); }

void redirect(int fd, const char* path, int flags) {
  int opened = open(path, flags | O_CLOEXEC, 0600);
  if (opened < 0 || dup2(opened, fd) < 0) _exit(126);
}

[[noreturn]] void become(char** words) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  redirect(0, "/dev/null", O_RDONLY);
  redirect(1, "/dev/null", O_WRONLY);
  redirect(2, "/dev/null", O_WRONLY);
  for (;; words++) {
    const char* word = *words;
    if (word == nullptr) _exit(125);
    if (word[0] == '<') {
      redirect(0, word + 1, O_RDONLY);
    } else if (word[0] == '>') {
      redirect(1, word + 1, O_WRONLY | O_CREAT | O_APPEND);
    } else if (strncmp(word, "2>", 2) == 0) {
      redirect(2, word + 2, O_WRONLY | O_CREAT | O_APPEND);
    } else {
      break;
    }
  }
  execvp(words[0], words);
  _exit(127);
}

void run_line(char* line) {
  char* words[kMaxWords + 1];
  int count = 0;
  for (char* at = line; at != nullptr && count < kMaxWords;) words[count++] = strsep(&at, "\t");
  words[count] = nullptr;
  pid_t pid = fork();
  if (pid == 0) become(words);
  Text<64> text;
  text.add("started ").add_int(pid).add('\n');
  say(text);
}

// False if there is no child left.
bool reap_all() {
  for (;;) {
    int status = 0;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return false;
    if (pid == 0) return true;
    Text<64> text;
    text.add_int(pid).add(WIFEXITED(status) ? " exit " : " signal ");
    text.add_int(WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)).add('\n');
    say(text);
  }
}

// Only our own children that we have not reaped, so their pids are still their own. Their children become ours.
void kill_children() {
  ProcessTree tree;
  HeapArray<pid_t> children;
  if (tree.read_all() < 0 || tree.children_of(getpid(), &children) < 0) return;
  for (pid_t child : children) kill(child, SIGKILL);
}

// Runs the complete lines in the buffer: the size of what is left.
size_t run_lines(char* buffer, size_t size) {
  size_t start = 0;
  for (size_t i = 0; i < size; i++) {
    if (buffer[i] != '\n') continue;
    buffer[i] = '\0';
    run_line(buffer + start);
    start = i + 1;
  }
  memmove(buffer, buffer + start, size - start);
  return size - start;
}

}  // namespace

int main(int argc, char** argv) {
  bool adopter = argc < 2 || strcmp(argv[1], "--no-adopter") != 0;
  Text<24> self;
  self.add_int(getpid());
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return 1;
  if (adopter ? setenv("OUTLIVE_SUBREAPER", self.c_str(), 1) < 0 : unsetenv("OUTLIVE_SUBREAPER") < 0) return 1;
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &child_ended, nullptr) < 0) return 1;
  UniqueFd signal_fd(signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signal_fd.valid()) return 1;

  static char buffer[kMaxLine];
  size_t size = 0;
  bool read_all = false;
  while (reap_all() || !read_all) {
    struct pollfd events[2] = {{signal_fd.get(), POLLIN, 0}, {read_all ? -1 : STDIN_FILENO, POLLIN, 0}};
    if (read_all) kill_children();
    // Polls, because a child that we adopt after this look is found only in the next one.
    if (poll(events, 2, read_all ? 20 : -1) < 0 && errno != EINTR) return 1;
    struct signalfd_siginfo info;
    while (read(signal_fd.get(), &info, sizeof info) > 0) continue;
    if ((events[1].revents & (POLLIN | POLLHUP)) == 0) continue;
    ssize_t n = read(STDIN_FILENO, buffer + size, kMaxLine - size);
    if (n > 0) size = run_lines(buffer, size + static_cast<size_t>(n));
    if (n == 0 || (n < 0 && errno != EINTR)) read_all = true;
  }
  return 0;
}
