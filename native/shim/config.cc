#include "shim/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

namespace {

int load_json(const char* path, FileBytes* bytes, JsonDoc* doc, TextBuilder& why) {
  int err = read_file(AT_FDCWD, path, kJsonMaxSize, bytes);
  if (err < 0) {
    why.add("read ").add(path).add(": ").add_errno(err);
    return err;
  }
  JsonError bad;
  if (!doc->parse(bytes->data(), bytes->size(), &bad)) {
    add_json_error(why, path, bad);
    return -EINVAL;
  }
  if (!doc->root().is(JsonType::Object)) {
    why.add(path).add(": must be an object");
    return -EINVAL;
  }
  return 0;
}

// Typed reading of the members of one file's object. A member that is absent or null leaves *out unchanged.
struct Members {
  const char* path;
  JsonValue root;
  TextBuilder& why;

  // False if the member is absent or null.
  bool find(const char* key, JsonValue* value) const {
    *value = root.get(key);
    return *value && !value->is(JsonType::Null);
  }

  int wrong_type(const char* key, const char* expected) const {
    why.add(path).add(": ").add(key).add(" must be ").add(expected);
    return -EINVAL;
  }

  int take_bool(const char* key, bool* out) const {
    JsonValue value;
    return !find(key, &value) || value.as_bool(out) ? 0 : wrong_type(key, "a boolean");
  }

  int take_string(const char* key, const char** out) const {
    JsonValue value;
    if (!find(key, &value)) return 0;
    const char* s = value.c_str();
    if (s == nullptr) return wrong_type(key, "a string without NUL");
    if (*s != '\0') *out = s;
    return 0;
  }

  int take_id(const char* key, uint32_t* out) const {
    JsonValue value;
    if (!find(key, &value)) return 0;
    int64_t id = 0;
    // 2^32 - 1 is no id: to chown(2) it means "leave unchanged".
    if (!value.as_int(&id) || id < 0 || id >= UINT32_MAX) return wrong_type(key, "an id from 0 to 4294967294");
    *out = static_cast<uint32_t>(id);
    return 0;
  }

  int take_strings(const char* key, JsonValue* out) const {
    JsonValue list;
    if (!find(key, &list)) return 0;
    if (!list.is(JsonType::Array)) return wrong_type(key, "an array");
    for (JsonValue item = list.first(); item; item = item.next()) {
      if (item.c_str() == nullptr) return wrong_type(key, "strings without NUL");
    }
    *out = list;
    return 0;
  }
};

// The smallest segment; and how many of the largest ones a log has room for at least: while a new one grows, the one
// before it stays.
constexpr int64_t kMinSegmentBytes = 4096;
constexpr int64_t kMinSegments = 2;

int take_log(const Members& members, LogConfig* out) {
  JsonValue value;
  if (!members.find("log", &value)) return 0;
  if (!value.is(JsonType::Object)) return members.wrong_type("log", "an object");
  const Members log = {"process.json: log", value, members.why};
  int64_t segment_bytes = 0;
  int64_t max_bytes = 0;
  int err = log.take_string("dir", &out->dir);
  if (err < 0) return err;
  if (out->dir == nullptr || out->dir[0] != '/') return log.wrong_type("dir", "an absolute path");
  if (!value.get("segmentBytes").as_int(&segment_bytes) || segment_bytes < kMinSegmentBytes)
    return log.wrong_type("segmentBytes", "an integer, at least 4096");
  if (!value.get("maxBytes").as_int(&max_bytes) || max_bytes / kMinSegments < segment_bytes)
    return log.wrong_type("maxBytes", "an integer, at least twice segmentBytes");
  out->segment_bytes = static_cast<uint64_t>(segment_bytes);
  out->max_bytes = static_cast<uint64_t>(max_bytes);
  return 0;
}

}  // namespace

bool ShimConfig::is_logged(int stream) const { return log.dir != nullptr && strcmp(stdio_path[stream], log.dir) == 0; }

int load_config(ShimConfig* config, TextBuilder& why) {
  constexpr const char* kPath = "process.json";
  int err = load_json(kPath, &config->bytes, &config->doc, why);
  if (err < 0) return err;
  const Members members = {kPath, config->doc.root(), why};
  if ((err = members.take_bool("exec", &config->exec)) < 0) return err;
  if ((err = members.take_bool("create", &config->create)) < 0) return err;
  if ((err = members.take_bool("terminal", &config->terminal)) < 0) return err;
  if ((err = members.take_bool("noPivotRoot", &config->no_pivot_root)) < 0) return err;
  if ((err = members.take_bool("durable", &config->durable)) < 0) return err;
  if ((err = members.take_string("containerdStdin", &config->stdio_path[0])) < 0) return err;
  if ((err = members.take_string("containerdStdout", &config->stdio_path[1])) < 0) return err;
  if ((err = members.take_string("containerdStderr", &config->stdio_path[2])) < 0) return err;
  if ((err = take_log(members, &config->log)) < 0) return err;
  if ((err = members.take_string("checkpoint", &config->checkpoint)) < 0) return err;
  if ((err = members.take_id("rootUID", &config->root_uid)) < 0) return err;
  if ((err = members.take_id("rootGID", &config->root_gid)) < 0) return err;
  JsonValue user = members.root.get("user");
  const Members ids = {kPath, user, why};
  if (user && user.is(JsonType::Object) && (err = ids.take_id("uid", &config->user)) < 0) return err;
  return members.take_strings("runtimeArgs", &config->runtime_args);
}

int load_checkpoint_flags(const char* image_path, CheckpointFlags* flags, TextBuilder& why) {
  Text<4096> path;
  path.add(image_path).add("/config.json");
  if (path.truncated()) {
    why.add("checkpoint path too long");
    return -ENAMETOOLONG;
  }
  Text<512> reason;
  int err = load_json(path.c_str(), &flags->bytes, &flags->doc, reason);
  if (err == -ENOENT) return 0;
  if (err < 0) {
    why.add(reason.view());
    return err;
  }
  const Members members = {path.c_str(), flags->doc.root(), why};
  if ((err = members.take_bool("shell", &flags->shell)) < 0) return err;
  if ((err = members.take_bool("tcp", &flags->tcp)) < 0) return err;
  if ((err = members.take_bool("unixSockets", &flags->unix_sockets)) < 0) return err;
  return members.take_strings("emptyNS", &flags->empty_ns);
}
