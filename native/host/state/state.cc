#include "host/state/state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/json_escape.h"
#include "common/pidfd.h"
#include "common/proc.h"
#include "host/reason.h"

namespace {

constexpr char kFile[] = "state.json";
constexpr size_t kMaxSize = 4u << 20;

void add_identity(TextBuilder& out, const ProcessIdentity& who) {
  add_identity_members(out.add('{'), who);
  out.add('}');
}

void add_identities(TextBuilder& out, const HeapArray<ProcessIdentity>& list) {
  out.add('[');
  for (size_t i = 0; i < list.size(); i++) add_identity(i == 0 ? out : out.add(','), list[i]);
  out.add(']');
}

bool read_identity(JsonValue value, ProcessIdentity* out) {
  int64_t pid = 0, ticks = 0;
  if (!value.get("pid").as_int(&pid) || pid <= 0 || pid > INT32_MAX) return false;
  if (!value.get("startTimeTicks").as_int(&ticks) || ticks < 0) return false;
  out->pid = static_cast<pid_t>(pid);
  out->start_time_ticks = static_cast<uint64_t>(ticks);
  return true;
}

bool read_identities(JsonValue list, HeapArray<ProcessIdentity>* out) {
  if (!list.is(JsonType::Array)) return false;
  for (JsonValue item = list.first(); item; item = item.next()) {
    ProcessIdentity who;
    if (!read_identity(item, &who) || !out->push(who)) return false;
  }
  return true;
}

}  // namespace

void add_annotations(TextBuilder& out, JsonValue annotations) {
  out.add('{');
  bool first = true;
  for (JsonValue item = annotations.is(JsonType::Object) ? annotations.first() : JsonValue(); item;
       item = item.next()) {
    if (!item.is(JsonType::String)) continue;
    if (!first) out.add(',');
    first = false;
    add_json_string(out, item.key());
    add_json_string(out.add(':'), item.str());
  }
  out.add('}');
}

size_t annotations_capacity(JsonValue annotations) {
  size_t capacity = 2;
  for (JsonValue item = annotations.first(); item; item = item.next()) {
    capacity += 6 * (item.key().size() + item.str().size()) + 8;
  }
  return capacity;
}

namespace {

// False if a field is missing or of the wrong type.
bool read_state(JsonValue root, ContainerState* state) {
  state->id = root.get("id").str();
  state->bundle = root.get("bundle").str();
  state->created = root.get("created").str();
  state->boot_id = root.get("bootId").str();
  state->annotations = root.get("annotations");
  state->paused = static_cast<bool>(root.get("stopped"));
  return state->boot_id.size() == 36 && read_identity(root.get("init"), &state->init) &&
         read_identities(root.get("execs"), &state->execs) && read_identities(root.get("adopters"), &state->adopters) &&
         (!state->paused || read_identities(root.get("stopped"), &state->stopped));
}

void add_state(TextBuilder& out, const ContainerState& state) {
  add_json_string(out.add("{\"id\":"), state.id);
  add_json_string(out.add(",\"bundle\":"), state.bundle);
  // `exec` writes back what it read, which may be any string.
  add_json_string(out.add(",\"created\":"), state.created);
  add_json_string(out.add(",\"bootId\":"), state.boot_id);
  add_identity(out.add(",\"init\":"), state.init);
  add_identities(out.add(",\"execs\":"), state.execs);
  add_identities(out.add(",\"adopters\":"), state.adopters);
  if (state.paused) add_identities(out.add(",\"stopped\":"), state.stopped);
  add_annotations(out.add(",\"annotations\":"), state.annotations);
  out.add("}\n");
}

// Every byte may be escaped to six. An identity takes at most 80.
size_t state_capacity(const ContainerState& state) {
  size_t texts = state.id.size() + state.bundle.size() + state.created.size() + state.boot_id.size();
  size_t identities = state.execs.size() + state.adopters.size() + state.stopped.size();
  return 1024 + 6 * texts + 80 * identities + annotations_capacity(state.annotations);
}

}  // namespace

int StateFile::load(int container_fd, TextBuilder& error) {
  int err = read_file(container_fd, kFile, kMaxSize, &bytes_);
  JsonError wrong;
  if (err == 0 && !doc_.parse(bytes_.data(), bytes_.size(), &wrong)) err = -EPROTO;
  if (err == 0 && !read_state(doc_.root(), &state)) err = -EPROTO;
  if (err == -EPROTO) error.add("state.json of the container is damaged");
  if (err < 0 && err != -EPROTO) add_reason(error.add("cannot read state.json of the container: "), err);
  return err;
}

bool save_state(int container_fd, const ContainerState& state, TextBuilder& error) {
  HeapText out(state_capacity(state));
  int err = out.valid() ? 0 : -ENOMEM;
  if (err == 0) {
    add_state(out, state);
    err = out.truncated() ? -EFBIG : write_file_atomic(container_fd, kFile, out.view(), 0600);
  }
  if (err < 0) add_reason(error.add("cannot write state.json of the container: "), err);
  return err == 0;
}

pid_t named_adopter() {
  const char* text = getenv("OUTLIVE_SUBREAPER");
  int64_t pid = 0;
  return text != nullptr && parse_int(text, &pid) && pid > 1 && pid <= INT32_MAX ? static_cast<pid_t>(pid) : 0;
}

bool add_adopter(ContainerState* state) {
  pid_t pid = named_adopter();
  ProcessIdentity parent;
  // While we are its child, our parent's pid cannot be reused. If the parent is gone by now, getppid() differs.
  if (pid == 0 || pid != getppid() || identify(pid, &parent) < 0 || getppid() != pid) return true;
  return state->adopters.contains(parent) || state->adopters.push(parent);
}

bool is_this_boot(const ContainerState& state) {
  char boot_id[37];
  return read_boot_id(boot_id) == 0 && state.boot_id == boot_id;
}

bool first_process_runs(const ContainerState& state, UniqueFd* init_fd) {
  return is_this_boot(state) && open_process(state.init, init_fd) == 0 && !has_ended(init_fd->get());
}
