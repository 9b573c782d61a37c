#include "shim/config.h"

#include <errno.h>
#include <fcntl.h>

namespace {

int load_json(const char* path, FileBytes* bytes, JsonDoc* doc, TextBuilder& why) {
  int err = read_file(AT_FDCWD, path, kJsonMaxSize, bytes);
  if (err < 0) {
    why.add("read ").add(path).add(": ").add_errno(err);
    return err;
  }
  JsonError bad;
  if (!doc->parse(bytes->data(), bytes->size(), &bad)) {
    why.add(path).add(':').add_int(static_cast<int64_t>(bad.line)).add(':').add_int(static_cast<int64_t>(bad.column));
    why.add(": ").add(bad.reason);
    return -EINVAL;
  }
  if (!doc->root().is(JsonType::Object)) {
    why.add(path).add(": must be an object");
    return -EINVAL;
  }
  return 0;
}

int wrong_type(const char* key, const char* expected, TextBuilder& why) {
  why.add("process.json: ").add(key).add(" must be ").add(expected);
  return -EINVAL;
}

int take_bool(JsonValue root, const char* key, bool* out, TextBuilder& why) {
  JsonValue value = root.get(key);
  if (!value || value.is(JsonType::Null) || value.as_bool(out)) return 0;
  return wrong_type(key, "a boolean", why);
}

int take_string(JsonValue root, const char* key, const char** out, TextBuilder& why) {
  JsonValue value = root.get(key);
  if (!value || value.is(JsonType::Null)) return 0;
  const char* s = value.c_str();
  if (s == nullptr) return wrong_type(key, "a string without NUL", why);
  if (*s != '\0') *out = s;
  return 0;
}

int take_id(JsonValue root, const char* key, uint32_t* out, TextBuilder& why) {
  JsonValue value = root.get(key);
  if (!value || value.is(JsonType::Null)) return 0;
  int64_t id = 0;
  // 2^32 - 1 is chown(2)'s "leave as it is", never an id.
  if (!value.as_int(&id) || id < 0 || id >= UINT32_MAX) return wrong_type(key, "an id from 0 to 4294967294", why);
  *out = static_cast<uint32_t>(id);
  return 0;
}

int take_runtime_args(JsonValue root, JsonValue* out, TextBuilder& why) {
  JsonValue args = root.get("runtimeArgs");
  if (!args || args.is(JsonType::Null)) return 0;
  if (!args.is(JsonType::Array)) return wrong_type("runtimeArgs", "an array", why);
  for (JsonValue arg = args.first(); arg; arg = arg.next()) {
    if (arg.c_str() == nullptr) return wrong_type("runtimeArgs", "strings without NUL", why);
  }
  *out = args;
  return 0;
}

}  // namespace

int load_config(ShimConfig* config, TextBuilder& why) {
  int err = load_json("process.json", &config->bytes, &config->doc, why);
  if (err < 0) return err;
  JsonValue root = config->doc.root();
  if ((err = take_bool(root, "exec", &config->exec, why)) < 0) return err;
  if ((err = take_bool(root, "terminal", &config->terminal, why)) < 0) return err;
  if ((err = take_bool(root, "noPivotRoot", &config->no_pivot_root, why)) < 0) return err;
  if ((err = take_string(root, "containerdStdin", &config->stdio_path[0], why)) < 0) return err;
  if ((err = take_string(root, "containerdStdout", &config->stdio_path[1], why)) < 0) return err;
  if ((err = take_string(root, "containerdStderr", &config->stdio_path[2], why)) < 0) return err;
  if ((err = take_string(root, "checkpoint", &config->checkpoint, why)) < 0) return err;
  if ((err = take_id(root, "rootUID", &config->root_uid, why)) < 0) return err;
  if ((err = take_id(root, "rootGID", &config->root_gid, why)) < 0) return err;
  JsonValue user = root.get("user");
  if (user && user.is(JsonType::Object) && (err = take_id(user, "uid", &config->user, why)) < 0) return err;
  return take_runtime_args(root, &config->runtime_args, why);
}

int load_checkpoint_flags(const char* image_path, CheckpointFlags* flags, TextBuilder& why) {
  Text<4096> path;
  path.add(image_path).add("/config.json");
  if (path.truncated()) {
    why.add("checkpoint path too long");
    return -ENAMETOOLONG;
  }
  FileBytes bytes;
  JsonDoc doc;
  Text<512> reason;
  int err = load_json(path.c_str(), &bytes, &doc, reason);
  if (err == -ENOENT) return 0;
  if (err < 0) {
    why.add(reason.view());
    return err;
  }
  JsonValue root = doc.root();
  if ((err = take_bool(root, "shell", &flags->shell, why)) < 0) return err;
  if ((err = take_bool(root, "tcp", &flags->tcp, why)) < 0) return err;
  return take_bool(root, "unixSockets", &flags->unix_sockets, why);
}
