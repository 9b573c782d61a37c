// runc's command line: parsed and checked, not yet executed. Flags as Go's parser takes them: with one dash or two, as
// `--x v` or `--x=v`, after the command in any order.
#pragma once

#include <sys/types.h>

#include "common/text.h"

enum class Action {
  None,
  Help,
  Version,
  Run,
  Create,
  Start,
  Exec,
  State,
  Ps,
  Events,
  Kill,
  Pause,
  Resume,
  Update,
  Delete,
};

struct CommandLine {
  Action action = Action::None;
  const char* root = nullptr;
  const char* log = nullptr;
  const char* log_format = "text";
  bool debug = false;
  mode_t umask = 022;                // the caller's
  uint64_t ignored_signals = ~0ull;  // by the caller's will; bit 0 stands for signal 1

  const char* id = nullptr;
  const char* signal = "TERM";
  const char* bundle = ".";
  const char* pid_file = nullptr;
  const char* console_socket = nullptr;
  const char* process_file = nullptr;
  const char* format = "table";
  const char* interval = nullptr;  // ignored: `events` prints once
  const char* resources = nullptr;
  bool stats = false;
  bool detach = false;
  bool all = false;
  bool force = false;
  // Accepted without effect: there is no root to pivot to, no keyring, and no descriptor to keep.
  bool no_pivot = false;
  bool no_new_keyring = false;
  const char* preserve_fds = "0";
};

// False with the reason in `error`. What was parsed before the mistake is filled in: main() needs the log's name to
// report it there.
bool parse_command_line(int argc, char* const* argv, CommandLine* out, TextBuilder& error);

extern const char kHelp[];
