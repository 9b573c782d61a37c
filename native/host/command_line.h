// runc's command line: what was asked for, not yet done. Flags as Go's parser takes them: one dash or two, `--x v` or
// `--x=v`, after the command in any order.
#pragma once

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

  const char* id = nullptr;
  const char* signal = "TERM";
  const char* bundle = ".";
  const char* pid_file = nullptr;
  const char* console_socket = nullptr;
  const char* process_file = nullptr;
  const char* format = "table";
  const char* interval = nullptr;  // of no use: `events` prints once
  const char* resources = nullptr;
  bool stats = false;
  bool detach = false;
  bool all = false;
  bool force = false;
  // Accepted and without effect: there is no root to pivot to, no keyring, no descriptor to keep.
  bool no_pivot = false;
  bool no_new_keyring = false;
  const char* preserve_fds = "0";
};

// False with the reason in `error`; what was read before the mistake (the log's name above all) is filled in all the
// same, so that the mistake can be reported there.
bool parse_command_line(int argc, char* const* argv, CommandLine* out, TextBuilder& error);

extern const char kHelp[];
