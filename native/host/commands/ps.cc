// `ps`: lists the members of a container, as a JSON array of pids like runc's, or as a table of our own (runc calls
// ps(1) for its).
#include <errno.h>

#include "common/clock.h"
#include "common/pidfd.h"
#include "common/proc.h"
#include "host/commands/commands.h"
#include "host/members/member_set.h"
#include "host/reason.h"
#include "host/state/container.h"

namespace {

// A container that makes processes without end has no complete list of members.
constexpr int64_t kTimeoutMs = 1000;
constexpr size_t kMaxCommandLine = 4u << 20;
constexpr int kPidWidth = 7;

// Appends the arguments with spaces between them; the name in brackets if there are none. Control characters become
// '?'.
void add_command(TextBuilder& out, pid_t pid) {
  FileBytes words, name;
  (void)read_proc_file(pid, "cmdline", kMaxCommandLine, &words);
  std::string_view text = words.view();
  while (!text.empty() && text[text.size() - 1] == '\0') text.remove_suffix(1);
  bool bracketed = text.empty();
  if (bracketed) {
    (void)read_proc_file(pid, "comm", 64, &name);
    text = name.view();
    if (!text.empty()) text.remove_suffix(1);
    out.add('[');
  }
  for (char c : text) {
    bool control = static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    out.add(c == '\0' ? ' ' : control ? '?' : c);
  }
  if (bracketed) out.add(']');
}

int write_table(const MemberSet& members) {
  int err = write_all(STDOUT_FILENO, "    PID CMD\n");
  for (const MemberSet::Member& member : members.known()) {
    if (err < 0) break;
    if (member.adopter) continue;
    Text<24> pid;
    Text<4096> line;
    pid.add_int(member.who.pid);
    for (size_t width = pid.size(); width < kPidWidth; width++) line.add(' ');
    line.add(pid.view()).add(' ');
    add_command(line, member.who.pid);
    // Print what was read only if the process still has its pid.
    if (has_ended(member.pidfd)) continue;
    err = write_all(STDOUT_FILENO, line.view());
    if (err == 0) err = write_all(STDOUT_FILENO, "\n");
  }
  return err;
}

int write_json(const MemberSet& members) {
  HeapText out(16 + 12 * members.known().size());
  if (!out.valid()) return -ENOMEM;
  for (const MemberSet::Member& member : members.known()) {
    if (!member.adopter && !has_ended(member.pidfd)) out.add(out.size() == 0 ? '[' : ',').add_int(member.who.pid);
  }
  out.add(out.size() == 0 ? "null\n" : "]\n");
  return write_all(STDOUT_FILENO, out.view());
}

}  // namespace

bool ps_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  if (container.open(line, error) < 0 || !container.load(error)) return false;
  raise_descriptor_limit();
  MemberSet members(container.state(), container.fd());
  int err = members.find_all(monotonic_ms() + kTimeoutMs);
  if (err < 0 && err != -ETIMEDOUT) {
    add_search_failure(error, err);
    return false;
  }
  err = line.format[0] == 'j' ? write_json(members) : write_table(members);
  if (err < 0) add_reason(error.add("standard output: "), err);
  return err == 0;
}
