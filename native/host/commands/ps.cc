// `ps`: the members of a container, as runc's JSON array of pids or as a table of our own (runc asks ps(1) for its).
#include <errno.h>
#include <fcntl.h>

#include "common/clock.h"
#include "host/commands/commands.h"
#include "host/log.h"
#include "host/members/descriptor_limit.h"
#include "host/members/member_set.h"
#include "host/state/container.h"

namespace {

// A container that makes processes without end has no list that is complete.
constexpr int64_t kTimeoutMs = 1000;
constexpr size_t kMaxCommandLine = 4u << 20;
constexpr int kPidWidth = 7;

// The arguments with spaces between them; the name, in brackets, where there are none. Controls become '?'.
void add_command(TextBuilder& out, pid_t pid) {
  Text<64> path;
  FileBytes words, name;
  path.add("/proc/").add_int(pid).add("/cmdline");
  (void)read_file(AT_FDCWD, path.c_str(), kMaxCommandLine, &words);
  std::string_view text = words.view();
  while (!text.empty() && text[text.size() - 1] == '\0') text.remove_suffix(1);
  bool bracketed = text.empty();
  if (bracketed) {
    path.clear();
    path.add("/proc/").add_int(pid).add("/comm");
    (void)read_file(AT_FDCWD, path.c_str(), 64, &name);
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
    // What was read is this process's only if it has its pid still.
    if (has_ended(member.pidfd)) continue;
    err = write_all(STDOUT_FILENO, line.view());
    if (err == 0) err = write_all(STDOUT_FILENO, "\n");
  }
  return err;
}

int write_json(const MemberSet& members) {
  size_t capacity = 16 + 12 * members.known().size();
  char* buffer = static_cast<char*>(malloc(capacity));
  if (buffer == nullptr) return -ENOMEM;
  TextBuilder out(buffer, capacity);
  for (const MemberSet::Member& member : members.known()) {
    if (!member.adopter && !has_ended(member.pidfd)) out.add(out.size() == 0 ? '[' : ',').add_int(member.who.pid);
  }
  out.add(out.size() == 0 ? "null\n" : "]\n");
  int err = write_all(STDOUT_FILENO, out.view());
  free(buffer);
  return err;
}

}  // namespace

bool ps_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  if (container.open(line, error) < 0 || !container.load(error)) return false;
  raise_descriptor_limit();
  MemberSet members(container.state(), container.fd());
  // Signal 0 reaches nobody; it is the walk that is wanted.
  int err = members.reach_all(0, monotonic_ms() + kTimeoutMs);
  if (err < 0 && err != -ETIMEDOUT) {
    add_reason(error.add("cannot look for the container's processes: "), err);
    return false;
  }
  err = line.format[0] == 'j' ? write_json(members) : write_table(members);
  if (err < 0) add_reason(error.add("standard output: "), err);
  return err == 0;
}
