#include "host/state/state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/json_escape.h"
#include "common/proc.h"
#include "host/log.h"

namespace {

constexpr char kFile[] = "state.json";
constexpr size_t kMaxSize = 4u << 20;

void add_identity(TextBuilder& out, const ProcessIdentity& who) {
  out.add("{\"pid\":").add_int(who.pid).add(",\"startTimeTicks\":");
  out.add_int(static_cast<int64_t>(who.start_time_ticks)).add('}');
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

void add_json_string(TextBuilder& out, std::string_view text) {
  out.add('"');
  add_json_escaped(out, text, text.size() * 6);
  out.add('"');
}

void add_json_strings(TextBuilder& out, JsonValue object) {
  out.add('{');
  bool first = true;
  for (JsonValue item = object.is(JsonType::Object) ? object.first() : JsonValue(); item; item = item.next()) {
    if (!item.is(JsonType::String)) continue;
    if (!first) out.add(',');
    first = false;
    add_json_string(out, item.key());
    add_json_string(out.add(':'), item.str());
  }
  out.add('}');
}

int StateFile::load(int container_fd, TextBuilder& error) {
  int err = read_file(container_fd, kFile, kMaxSize, &bytes_);
  JsonError wrong;
  if (err == 0 && !doc_.parse(bytes_.data(), bytes_.size(), &wrong)) err = -EPROTO;
  if (err == 0) {
    JsonValue root = doc_.root();
    state.id = root.get("id").str();
    state.bundle = root.get("bundle").str();
    state.created = root.get("created").str();
    state.boot_id = root.get("bootId").str();
    state.annotations = root.get("annotations");
    bool whole = state.boot_id.size() == 36 && read_identity(root.get("init"), &state.init) &&
                 read_identities(root.get("execs"), &state.execs) &&
                 read_identities(root.get("adopters"), &state.adopters);
    state.paused = static_cast<bool>(root.get("stopped"));
    whole = whole && (!state.paused || read_identities(root.get("stopped"), &state.stopped));
    if (!whole) err = -EPROTO;
  }
  if (err == -EPROTO) error.add("state.json of the container is damaged");
  if (err < 0 && err != -EPROTO) add_reason(error.add("cannot read state.json of the container: "), err);
  return err;
}

bool save_state(int container_fd, const ContainerState& state, TextBuilder& error) {
  // Room for every byte escaped to six, and for the numbers: pid and ticks of an identity are at most 60 characters.
  size_t texts = state.id.size() + state.bundle.size() + state.created.size() + state.boot_id.size();
  size_t capacity = 1024 + 6 * texts;
  capacity += 80 * (state.execs.size() + state.adopters.size() + state.stopped.size());
  for (JsonValue item = state.annotations.first(); item; item = item.next()) {
    capacity += 6 * (item.key().size() + item.str().size()) + 8;
  }
  char* buffer = static_cast<char*>(malloc(capacity));
  int err = buffer == nullptr ? -ENOMEM : 0;
  if (err == 0) {
    TextBuilder out(buffer, capacity);
    add_json_string(out.add("{\"id\":"), state.id);
    add_json_string(out.add(",\"bundle\":"), state.bundle);
    // What exec writes back was read from the file, and may be anything.
    add_json_string(out.add(",\"created\":"), state.created);
    add_json_string(out.add(",\"bootId\":"), state.boot_id);
    add_identity(out.add(",\"init\":"), state.init);
    add_identities(out.add(",\"execs\":"), state.execs);
    add_identities(out.add(",\"adopters\":"), state.adopters);
    if (state.paused) add_identities(out.add(",\"stopped\":"), state.stopped);
    add_json_strings(out.add(",\"annotations\":"), state.annotations);
    out.add("}\n");
    err = out.truncated() ? -EFBIG : write_file_atomic(container_fd, kFile, out.view(), 0600);
  }
  free(buffer);
  if (err < 0) add_reason(error.add("cannot write state.json of the container: "), err);
  return err == 0;
}

pid_t named_adopter() {
  const char* said = getenv("OUTLIVE_SUBREAPER");
  int64_t pid = 0;
  return said != nullptr && parse_int(said, &pid) && pid > 1 && pid <= INT32_MAX ? static_cast<pid_t>(pid) : 0;
}

bool add_adopter(ContainerState* state) {
  pid_t pid = named_adopter();
  ProcessIdentity parent;
  // Our parent cannot be replaced under its pid while we are its child; if it is gone by now, getppid() says so.
  if (pid == 0 || pid != getppid() || identify(pid, &parent) < 0 || getppid() != pid) return true;
  for (const ProcessIdentity& known : state->adopters) {
    if (known == parent) return true;
  }
  return state->adopters.push(parent);
}

bool is_this_boot(const ContainerState& state) {
  char boot_id[37];
  return read_boot_id(boot_id) == 0 && state.boot_id == boot_id;
}

bool first_process_runs(const ContainerState& state, UniqueFd* init_fd) {
  return is_this_boot(state) && open_process(state.init, init_fd) == 0 && !has_ended(init_fd->get());
}
