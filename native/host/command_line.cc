#include "host/command_line.h"

#include <cstring>
#include <string_view>

const char kHelp[] =
    "outlive-host: runs processes of OCI bundles on the host, without isolation\n"
    "\n"
    "usage: outlive-host [--root DIR] [--log FILE] [--log-format text|json] [--debug] COMMAND\n"
    "\n"
    "  run -d -b BUNDLE [--pid-file FILE] [--console-socket SOCKET] ID\n"
    "  create -b BUNDLE [--pid-file FILE] [--console-socket SOCKET] ID\n"
    "  start ID\n"
    "  exec -d -p PROCESS.JSON [--pid-file FILE] [--console-socket SOCKET] ID\n"
    "  state ID\n"
    "  ps [--format table|json] ID\n"
    "  events --stats ID\n"
    "  pause ID\n"
    "  resume ID\n"
    "  update --resources FILE|- ID\n"
    "  kill [--all] ID [SIGNAL]\n"
    "  delete [--force] ID\n"
    "\n"
    "  --help, -h    --version, -v\n";

namespace {

struct Flag {
  const char* name;
  const char* short_name;          // or nullptr
  const char* CommandLine::*text;  // set if the flag takes a value
  bool CommandLine::*truth;        // set if it takes none
};

constexpr Flag kGlobalFlags[] = {
    {"root", nullptr, &CommandLine::root, nullptr},
    {"log", nullptr, &CommandLine::log, nullptr},
    {"log-format", nullptr, &CommandLine::log_format, nullptr},
    {"debug", nullptr, nullptr, &CommandLine::debug},
};
// `create` takes the same flags but --detach: it always detaches.
constexpr Flag kRunFlags[] = {
    {"detach", "d", nullptr, &CommandLine::detach},
    {"bundle", "b", &CommandLine::bundle, nullptr},
    {"pid-file", nullptr, &CommandLine::pid_file, nullptr},
    {"console-socket", nullptr, &CommandLine::console_socket, nullptr},
    {"preserve-fds", nullptr, &CommandLine::preserve_fds, nullptr},
    {"no-pivot", nullptr, nullptr, &CommandLine::no_pivot},
    {"no-new-keyring", nullptr, nullptr, &CommandLine::no_new_keyring},
};
constexpr Flag kExecFlags[] = {
    {"process", "p", &CommandLine::process_file, nullptr},
    {"pid-file", nullptr, &CommandLine::pid_file, nullptr},
    {"console-socket", nullptr, &CommandLine::console_socket, nullptr},
    {"preserve-fds", nullptr, &CommandLine::preserve_fds, nullptr},
    {"detach", "d", nullptr, &CommandLine::detach},
};
constexpr Flag kPsFlags[] = {{"format", "f", &CommandLine::format, nullptr}};
constexpr Flag kEventsFlags[] = {
    {"interval", nullptr, &CommandLine::interval, nullptr},
    {"stats", nullptr, nullptr, &CommandLine::stats},
};
constexpr Flag kUpdateFlags[] = {{"resources", "r", &CommandLine::resources, nullptr}};
constexpr Flag kKillFlags[] = {{"all", "a", nullptr, &CommandLine::all}};
constexpr Flag kDeleteFlags[] = {{"force", "f", nullptr, &CommandLine::force}};

struct Command {
  std::string_view name;
  Action action;
  const Flag* flags;
  size_t flag_count;
  int max_arguments;
};

constexpr Command kCommands[] = {
    {"run", Action::Run, kRunFlags, sizeof kRunFlags / sizeof(Flag), 1},
    {"create", Action::Create, kRunFlags + 1, sizeof kRunFlags / sizeof(Flag) - 1, 1},
    {"start", Action::Start, nullptr, 0, 1},
    {"exec", Action::Exec, kExecFlags, sizeof kExecFlags / sizeof(Flag), 1},
    {"state", Action::State, nullptr, 0, 1},
    {"ps", Action::Ps, kPsFlags, sizeof kPsFlags / sizeof(Flag), 1},
    {"events", Action::Events, kEventsFlags, sizeof kEventsFlags / sizeof(Flag), 1},
    {"pause", Action::Pause, nullptr, 0, 1},
    {"resume", Action::Resume, nullptr, 0, 1},
    {"update", Action::Update, kUpdateFlags, sizeof kUpdateFlags / sizeof(Flag), 1},
    {"kill", Action::Kill, kKillFlags, sizeof kKillFlags / sizeof(Flag), 2},
    {"delete", Action::Delete, kDeleteFlags, sizeof kDeleteFlags / sizeof(Flag), 1},
};

// runc's other commands, so that the error is not "no such command".
constexpr std::string_view kRefused[] = {"checkpoint", "features", "list", "restore", "spec"};

bool is_flag(const char* word) { return word[0] == '-' && word[1] != '\0'; }

bool asks_help(std::string_view word) { return word == "--help" || word == "-help" || word == "-h" || word == "--h"; }

bool parse_truth(std::string_view text, bool* out) {
  bool yes = text == "true" || text == "1" || text == "t" || text == "T" || text == "TRUE" || text == "True";
  bool no = text == "false" || text == "0" || text == "f" || text == "F" || text == "FALSE" || text == "False";
  *out = yes;
  return yes || no;
}

// Takes the flag at argv[*at] and its value. *at then is the index of the last word taken.
bool take_flag(const Flag* flags, size_t count, int argc, char* const* argv, int* at, CommandLine* out,
               TextBuilder& error) {
  const char* start = argv[*at] + (argv[*at][1] == '-' ? 2 : 1);
  const char* equals = strchr(start, '=');
  std::string_view name(start, equals == nullptr ? strlen(start) : static_cast<size_t>(equals - start));
  for (size_t i = 0; i < count; i++) {
    const Flag& flag = flags[i];
    if (name != flag.name && (flag.short_name == nullptr || name != flag.short_name)) continue;
    if (flag.truth != nullptr) {
      out->*flag.truth = true;
      if (equals == nullptr || parse_truth(equals + 1, &(out->*flag.truth))) return true;
      error.add("flag -").add(name).add(" takes true or false, not \"").add(equals + 1).add('"');
      return false;
    }
    if (equals == nullptr && *at + 1 == argc) {
      error.add("flag needs an argument: -").add(name);
      return false;
    }
    out->*flag.text = equals != nullptr ? equals + 1 : argv[++*at];
    return true;
  }
  error.add(flags == kUpdateFlags ? "update takes the limits in a file, by --resources: no flag -"
                                  : "flag provided but not defined: -");
  error.add(name);
  return false;
}

const Command* find_command(std::string_view name, TextBuilder& error) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  for (std::string_view refused : kRefused) {
    if (refused != name) continue;
    error.add("outlive-host does not support the command \"").add(name).add('"');
    return nullptr;
  }
  error.add("no such command: \"").add(name).add("\" (see outlive-host --help)");
  return nullptr;
}

bool check_command(const Command& command, const CommandLine& line, TextBuilder& error) {
  bool detaches = command.action == Action::Run || command.action == Action::Exec;
  if (line.id == nullptr) {
    error.add(command.name).add(" needs the container's id");
  } else if (detaches && !line.detach) {
    error.add("outlive-host only runs detached: use ").add(command.name).add(" -d");
  } else if (command.action == Action::Exec && line.process_file == nullptr) {
    error.add("exec needs --process FILE");
  } else if (strcmp(line.preserve_fds, "0") != 0) {
    error.add("outlive-host hands on no descriptors: --preserve-fds must be 0");
  } else if (strcmp(line.format, "table") != 0 && strcmp(line.format, "json") != 0) {
    error.add("invalid format option");
  } else if (command.action == Action::Events && !line.stats) {
    error.add("outlive-host prints no events but the statistics, once: use events --stats");
  } else if (command.action == Action::Update && line.resources == nullptr) {
    error.add("update needs --resources FILE");
  }
  return error.size() == 0;
}

bool take_argument(const Command& command, const char* word, int taken, CommandLine* out, TextBuilder& error) {
  if (taken == command.max_arguments) {
    if (command.action == Action::Exec) {
      error.add("exec takes its program from --process FILE only, not \"").add(word).add('"');
    } else {
      error.add(command.name).add(" has no use for the argument \"").add(word).add('"');
    }
    return false;
  }
  (taken == 0 ? out->id : out->signal) = word;
  return true;
}

// Parses the flags before the command. *at then is the index of the first other word. --help and --version end it.
bool parse_global_flags(int argc, char* const* argv, int* at, CommandLine* out, TextBuilder& error) {
  for (; *at < argc && is_flag(argv[*at]); ++*at) {
    std::string_view word = argv[*at];
    if (asks_help(word)) out->action = Action::Help;
    if (word == "--version" || word == "-version" || word == "-v" || word == "--v") out->action = Action::Version;
    if (out->action != Action::None) return true;
    if (!take_flag(kGlobalFlags, sizeof kGlobalFlags / sizeof(Flag), argc, argv, at, out, error)) return false;
  }
  if (strcmp(out->log_format, "text") == 0 || strcmp(out->log_format, "json") == 0) return true;
  error.add("unknown log-format \"").add(out->log_format).add("\": text or json");
  return false;
}

// Parses what follows the command, from argv[at] on. --help ends it.
bool parse_command(const Command& command, int argc, char* const* argv, int at, CommandLine* out, TextBuilder& error) {
  int taken = 0;
  bool flags_over = false;
  for (; at < argc; at++) {
    if (!flags_over && strcmp(argv[at], "--") == 0) {
      flags_over = true;
    } else if (!flags_over && asks_help(argv[at])) {
      out->action = Action::Help;
      return true;
    } else if (!flags_over && is_flag(argv[at])) {
      if (!take_flag(command.flags, command.flag_count, argc, argv, &at, out, error)) return false;
    } else {
      if (!take_argument(command, argv[at], taken, out, error)) return false;
      taken++;
    }
  }
  if (!check_command(command, *out, error)) return false;
  out->action = command.action;
  return true;
}

}  // namespace

bool parse_command_line(int argc, char* const* argv, CommandLine* out, TextBuilder& error) {
  int at = 1;
  if (!parse_global_flags(argc, argv, &at, out, error)) return false;
  if (out->action != Action::None) return true;
  if (at == argc || strcmp(argv[at], "help") == 0) {
    out->action = Action::Help;
    return true;
  }
  const Command* command = find_command(argv[at], error);
  return command != nullptr && parse_command(*command, argc, argv, at + 1, out, error);
}
