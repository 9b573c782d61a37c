// Makes one call of native/common in each run, for the TypeScript tests. Prints "<result>" or "<result> <values>"; a
// negative result is -errno.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "common/crc32c.h"
#include "common/files.h"
#include "common/proc.h"
#include "common/text.h"

namespace {

using Output = Text<8192>;

void parse_int_command(char** args, Output* out) {
  int64_t value = 0;
  if (parse_int(args[0], &value)) {
    out->add("0 ").add_int(value);
  } else {
    out->add_int(-EINVAL);
  }
}

// <capacity 1..64> <text>…: what a builder of that capacity holds, and whether it truncated.
void text_command(char** args, Output* out) {
  int64_t capacity = 0;
  char buffer[64];
  if (!parse_int(args[0], &capacity) || capacity < 1 || capacity > 64) return;
  TextBuilder text(buffer, static_cast<size_t>(capacity));
  for (char** arg = args + 1; *arg != nullptr; arg++) text.add(*arg);
  out->add(text.truncated() ? "1 " : "0 ").add(text.c_str());
}

void octal_command(char** args, Output* out) {
  int64_t value = 0;
  if (parse_int(args[0], &value)) out->add("0 ").add_octal(static_cast<uint32_t>(value));
}

void proc_stat(int err, const ProcStat& stat, Output* out) {
  out->add_int(err);
  if (err < 0) return;
  out->add(' ').add(stat.state).add(' ').add_int(stat.ppid).add(' ').add_int(stat.pgrp);
  out->add(' ').add_int(stat.session).add(' ').add_int(static_cast<int64_t>(stat.start_time_ticks));
}

void crc32c_command(char** args, Output* out) {
  std::string_view bytes = args[0];
  out->add_int(crc32c(bytes.data(), bytes.size()));
}

void parse_proc_stat_command(char** args, Output* out) {
  ProcStat stat;
  proc_stat(parse_proc_stat(args[0], &stat) ? 0 : -EPROTO, stat, out);
}

void read_proc_stat_command(char** args, Output* out) {
  int64_t pid = 0;
  ProcStat stat;
  if (parse_int(args[0], &pid)) proc_stat(read_proc_stat(static_cast<pid_t>(pid), &stat), stat, out);
}

void boot_id_command(char**, Output* out) {
  char id[37];
  int err = read_boot_id(id);
  out->add_int(err);
  if (err == 0) out->add(' ').add(id);
}

// <path> <max size>
void read_file_command(char** args, Output* out) {
  int64_t max_size = 0;
  if (args[1] == nullptr || !parse_int(args[1], &max_size)) return;
  FileBytes bytes;
  int err = read_file(AT_FDCWD, args[0], static_cast<size_t>(max_size), &bytes);
  out->add_int(err);
  if (err == 0) out->add(' ').add(bytes.data()[bytes.size()] == '\0' ? bytes.view() : "not terminated");
}

// <directory> <name> <bytes> <mode, decimal> [<file size limit>]: with a umask of 0777.
void write_file_command(char** args, Output* out) {
  int64_t mode = 0;
  int64_t limit = 0;
  if (!args[1] || !args[2] || !args[3] || !parse_int(args[3], &mode)) return;
  if (args[4] != nullptr && parse_int(args[4], &limit)) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit file_size = {static_cast<rlim_t>(limit), static_cast<rlim_t>(limit)};
    if (setrlimit(RLIMIT_FSIZE, &file_size) < 0) return;
  }
  umask(0777);
  UniqueFd dir_fd(open_fd(AT_FDCWD, args[0], O_RDONLY | O_DIRECTORY));
  out->add_int(write_file_atomic(dir_fd.get(), args[1], args[2], static_cast<mode_t>(mode)));
}

struct Command {
  std::string_view name;
  void (*run)(char** args, Output* out);
};

constexpr Command kCommands[] = {
    {"parse-int", parse_int_command},
    {"text", text_command},
    {"octal", octal_command},
    {"crc32c", crc32c_command},
    {"parse-proc-stat", parse_proc_stat_command},
    {"read-proc-stat", read_proc_stat_command},
    {"boot-id", boot_id_command},
    {"read-file", read_file_command},
    {"write-file", write_file_command},
};

}  // namespace

int main(int argc, char** argv) {
  Output out;
  for (const Command& command : kCommands) {
    if (argc > 2 && command.name == argv[1]) command.run(argv + 2, &out);
  }
  // No output: the command line was wrong.
  if (out.size() == 0 || out.truncated()) return 2;
  // The file size limit applies to standard output too, unless it is a pipe, as in vitest.
  return write_all(STDOUT_FILENO, out.view()) == 0 ? 0 : 1;
}
