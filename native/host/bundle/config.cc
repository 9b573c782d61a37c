#include "host/bundle/config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <cstring>

#include "host/bundle/fields.h"
#include "host/bundle/unsupported.h"
#include "host/reason.h"

namespace {

struct LimitName {
  std::string_view name;
  int resource;
};

constexpr LimitName kLimits[] = {
    {"RLIMIT_AS", RLIMIT_AS},           {"RLIMIT_CORE", RLIMIT_CORE},         {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},       {"RLIMIT_FSIZE", RLIMIT_FSIZE},       {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}, {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},   {"RLIMIT_NPROC", RLIMIT_NPROC},       {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},   {"RLIMIT_RTTIME", RLIMIT_RTTIME},     {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

constexpr int64_t kMaxId = 4294967294;  // to the kernel, (uid_t)-1 means "leave unchanged"

class ProcessReader {
 public:
  ProcessReader(ProcessConfig& out, TextBuilder& error) : out_(out), fields_(error) {}

  bool read(JsonValue process, const FieldPath& path) {
    return read_args(process.get("args"), path.member("args")) && read_env(process.get("env"), path.member("env")) &&
           read_cwd(process.get("cwd"), path.member("cwd")) && read_user(process.get("user"), path.member("user")) &&
           read_limits(process.get("rlimits"), path.member("rlimits")) &&
           fields_.boolean(process.get("noNewPrivileges"), path.member("noNewPrivileges"), &out_.no_new_privileges) &&
           read_oom_score_adj(process.get("oomScoreAdj"), path.member("oomScoreAdj")) &&
           fields_.boolean(process.get("terminal"), path.member("terminal"), &out_.terminal) &&
           read_size(process.get("consoleSize"), path.member("consoleSize"));
  }

 private:
  bool read_strings(JsonValue list, const FieldPath& path, HeapArray<const char*>* out) {
    if (is_set(list)) {
      if (!fields_.is_array(list, path)) return false;
      size_t index = 0;
      for (JsonValue item = list.first(); item; item = item.next(), index++) {
        const char* text = nullptr;
        FieldPath place = path.element(index);
        if (!fields_.string(item, place, &text)) return false;
        if (text == nullptr) return fields_.fail(place, "must be a string");
        if (!out->push(text)) return fields_.fail(place, "does not fit into memory");
      }
    }
    return out->push(nullptr) || fields_.fail(path, "does not fit into memory");
  }

  bool read_args(JsonValue value, const FieldPath& path) {
    if (!read_strings(value, path, &out_.args)) return false;
    if (out_.args[0] == nullptr) return fields_.fail(path, "must name a program");
    return out_.args[0][0] != '\0' || fields_.fail(path.element(0), "must not be empty");
  }

  bool read_env(JsonValue value, const FieldPath& path) {
    if (!read_strings(value, path, &out_.env)) return false;
    for (size_t i = 0; out_.env[i] != nullptr; i++) {
      const char* equals = strchr(out_.env[i], '=');
      if (equals == nullptr || equals == out_.env[i]) return fields_.fail(path.element(i), "must be NAME=VALUE");
    }
    return true;
  }

  bool read_cwd(JsonValue value, const FieldPath& path) {
    if (!fields_.string(value, path, &out_.cwd)) return false;
    return (out_.cwd != nullptr && out_.cwd[0] == '/') || fields_.fail(path, "must be an absolute path");
  }

  bool read_user(JsonValue user, const FieldPath& path) {
    if (!is_set(user)) return true;
    if (!fields_.is_object(user, path)) return false;
    int64_t uid = -1, gid = -1, mask = out_.umask;
    if (!fields_.integer(user.get("uid"), path.member("uid"), 0, kMaxId, &uid) ||
        !fields_.integer(user.get("gid"), path.member("gid"), 0, kMaxId, &gid) ||
        !fields_.integer(user.get("umask"), path.member("umask"), 0, 0777, &mask)) {
      return false;
    }
    out_.has_user = true;
    out_.has_uid = uid >= 0;
    out_.has_gid = gid >= 0;
    out_.uid = static_cast<uid_t>(uid);
    out_.gid = static_cast<gid_t>(gid);
    out_.umask = static_cast<mode_t>(mask);
    return read_groups(user.get("additionalGids"), path.member("additionalGids"));
  }

  bool read_groups(JsonValue list, const FieldPath& path) {
    if (!is_set(list)) return true;
    if (!fields_.is_array(list, path)) return false;
    size_t index = 0;
    for (JsonValue item = list.first(); item; item = item.next(), index++) {
      int64_t gid = -1;
      FieldPath place = path.element(index);
      if (!fields_.integer(item, place, 0, kMaxId, &gid)) return false;
      if (gid < 0) return fields_.fail(place, "must be an integer");
      if (!out_.additional_gids.push(static_cast<gid_t>(gid))) return fields_.fail(place, "does not fit into memory");
    }
    return true;
  }

  bool read_limits(JsonValue list, const FieldPath& path) {
    if (!is_set(list)) return true;
    if (!fields_.is_array(list, path)) return false;
    size_t index = 0;
    for (JsonValue item = list.first(); item; item = item.next(), index++) {
      if (!read_limit(item, path.element(index))) return false;
    }
    return true;
  }

  bool read_limit(JsonValue item, const FieldPath& path) {
    if (!fields_.is_object(item, path)) return false;
    const char* type = nullptr;
    ResourceLimit limit;
    if (!fields_.string(item.get("type"), path.member("type"), &type) ||
        !fields_.limit(item.get("soft"), path.member("soft"), &limit.soft) ||
        !fields_.limit(item.get("hard"), path.member("hard"), &limit.hard)) {
      return false;
    }
    limit.resource = -1;
    for (const LimitName& known : kLimits) {
      if (type != nullptr && known.name == type) limit.resource = known.resource;
    }
    if (limit.resource < 0) {
      Text<160> what;
      what.add("is no resource limit: \"").add(type == nullptr ? "" : type).add('"');
      return fields_.fail(path.member("type"), what.view());
    }
    if (limit.soft > limit.hard) {
      Text<160> what;
      what.add("(").add(type).add(") has a soft limit above its hard one");
      return fields_.fail(path, what.view());
    }
    return out_.limits.push(limit) || fields_.fail(path, "does not fit into memory");
  }

  bool read_oom_score_adj(JsonValue value, const FieldPath& path) {
    int64_t adjustment = 0;
    if (!fields_.integer(value, path, -1000, 1000, &adjustment)) return false;
    out_.has_oom_score_adj = is_set(value);
    out_.oom_score_adj = static_cast<int>(adjustment);
    return true;
  }

  bool read_size(JsonValue size, const FieldPath& path) {
    if (!is_set(size)) return true;
    int64_t rows = 0, columns = 0;
    if (!fields_.is_object(size, path) ||
        !fields_.integer(size.get("height"), path.member("height"), 0, 65535, &rows) ||
        !fields_.integer(size.get("width"), path.member("width"), 0, 65535, &columns)) {
      return false;
    }
    out_.terminal_rows = static_cast<uint16_t>(rows);
    out_.terminal_columns = static_cast<uint16_t>(columns);
    return true;
  }

  ProcessConfig& out_;
  FieldReader fields_;
};

}  // namespace

bool ConfigFile::load(const char* path, ConfigKind kind, TextBuilder& error) {
  int err = read_file(AT_FDCWD, path, kJsonMaxSize, &bytes_);
  if (err == 0) return parse(bytes_.data(), bytes_.size(), path, kind, error);
  error.add(path).add(": ");
  if (err == -EINVAL) {
    error.add("no regular file");
  } else {
    add_reason(error, err);
  }
  return false;
}

bool ConfigFile::parse(char* buffer, size_t size, const char* name, ConfigKind kind, TextBuilder& error) {
  JsonError wrong;
  if (!doc_.parse(buffer, size, &wrong)) {
    add_json_error(error, name, wrong);
    return false;
  }
  bool bundle = kind == ConfigKind::Bundle;
  FieldPath path{nullptr, bundle ? "process" : "", -1};
  Text<1024> what;
  JsonValue process = bundle ? doc_.root().get("process") : doc_.root();
  if (!doc_.root().is(JsonType::Object)) {
    what.add("the file must hold a JSON object");
  } else if (!process.is(JsonType::Object)) {
    what.add("process must be an object");
  } else if ((bundle && !check_bundle_supported(doc_.root(), what)) ||
             !check_process_supported(process, bundle ? "process." : "", what)) {
    error.add("outlive-host gives no isolation: ").add(name).add(" asks for ").add(what.view());
    return false;
  } else if (ProcessReader(process_, what).read(process, path) && bundle) {
    limits_.read(doc_.root().get("linux").get("resources"), what);
  }
  if (what.size() > 0) {
    error.add(name).add(": ").add(what.view());
    return false;
  }
  if (bundle) annotations_ = doc_.root().get("annotations");
  return true;
}
