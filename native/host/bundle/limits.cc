#include "host/bundle/limits.h"

#include <stdint.h>

#include "host/bundle/fields.h"
#include "host/bundle/unsupported.h"

namespace {

constexpr std::string_view kSections[] = {"memory", "cpu", "pids", "unified"};
constexpr std::string_view kMemory[] = {"limit", "swap", "reservation"};
constexpr std::string_view kCpu[] = {"shares", "quota", "period", "cpus", "mems"};
constexpr std::string_view kPids[] = {"limit"};

constexpr char kUnsupported[] = "is not supported by the host runtime";

constexpr int64_t kUnset = INT64_MIN;
constexpr int64_t kNoLimit = -1;
constexpr int64_t kMinQuotaUs = 1000, kMinPeriodUs = 1000, kMaxPeriodUs = 1000000;
constexpr int64_t kMinShares = 2, kMaxShares = 262144;

// shares 2…262144 to weight 1…10000, as runc 1.0 to 1.3 do it.
int64_t weight_of(int64_t shares) { return 1 + (shares - kMinShares) * 9999 / (kMaxShares - kMinShares); }

bool is_file_name(std::string_view name) {
  bool dot = false;
  for (char c : name) {
    bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!word && c != '.') return false;
    dot = dot || c == '.';
  }
  return dot && name[0] != '.';
}

// The files of the cgroup itself move, stop or end processes, which is not for limits. Not so cgroup.max.*.
bool is_of_the_cgroup(std::string_view name) {
  return starts_with(name, "cgroup.") && !starts_with(name, "cgroup.max.");
}

class LimitReader {
 public:
  LimitReader(HeapArray<Limit>& out, TextBuilder& error) : out_(out), fields_(error) {}

  bool read(JsonValue resources, const FieldPath& path) {
    return check_section(resources, path, kSections) && read_memory(resources.get("memory"), path.member("memory")) &&
           read_cpu(resources.get("cpu"), path.member("cpu")) &&
           read_pids(resources.get("pids"), path.member("pids")) &&
           read_unified(resources.get("unified"), path.member("unified"));
  }

 private:
  template <size_t N>
  bool check_known(JsonValue object, const FieldPath& path, const std::string_view (&known)[N]) {
    for (JsonValue item = object.first(); item; item = item.next()) {
      bool found = false;
      for (std::string_view name : known) found = found || name == item.key();
      // A rule that only denies asks for something, too: devices: [{ allow: false }].
      bool wanted = asks(item) || (item.is(JsonType::Array) && item.count() > 0);
      if (!found && wanted) return fields_.fail(path.member(item.key()), kUnsupported);
    }
    return true;
  }

  template <size_t N>
  bool check_section(JsonValue section, const FieldPath& path, const std::string_view (&known)[N]) {
    return fields_.is_object(section, path) && check_known(section, path, known);
  }

  // Adds the limit of the field at `path`.
  bool add(const FieldPath& path, const char* file, const char* text, std::string_view number = {},
           bool keeps_first_word = false) {
    Limit limit = {path.parent->name, path.name, file, text, {}, keeps_first_word};
    TextBuilder(limit.number, sizeof limit.number).add(number);
    return out_.push(limit) || fields_.fail(path, "does not fit into memory");
  }

  bool add_number(const FieldPath& path, const char* file, int64_t number) {
    if (number == kUnset) return true;
    Text<48> text;
    if (number == kNoLimit) {
      text.add("max");
    } else {
      text.add_int(number);
    }
    return add(path, file, nullptr, text.view());
  }

  bool add_text(JsonValue section, const FieldPath& path, const char* file) {
    const char* text = nullptr;
    if (!fields_.string(section.get(path.name), path, &text)) return false;
    return text == nullptr || text[0] == '\0' || add(path, file, text);
  }

  // -1 for no limit, or from `low` on.
  bool integer(JsonValue section, const FieldPath& path, int64_t low, int64_t* out) {
    JsonValue value = section.get(path.name);
    if (!fields_.integer(value, path, INT64_MIN, INT64_MAX, out)) return false;
    if (!is_set(value) || *out == kNoLimit || *out >= low) return true;
    Text<64> what;
    what.add("must be -1 or at least ").add_int(low);
    return fields_.fail(path, what.view());
  }

  bool read_memory(JsonValue memory, const FieldPath& path) {
    int64_t limit = kUnset, swap = kUnset, reservation = kUnset;
    FieldPath limit_path = path.member("limit"), swap_path = path.member("swap"), low_path = path.member("reservation");
    if (!is_set(memory)) return true;
    if (!check_section(memory, path, kMemory) || !integer(memory, limit_path, 1, &limit) ||
        !integer(memory, swap_path, 1, &swap) || !integer(memory, low_path, 0, &reservation)) {
      return false;
    }
    if (swap > 0) {
      // OCI's value is memory and swap together; the file's is swap alone.
      if (limit <= 0) return fields_.fail(swap_path, "includes memory.limit, which must be given too");
      if (swap < limit) return fields_.fail(swap_path, "must be at least memory.limit, which it includes");
      swap -= limit;
    }
    return add_number(limit_path, "memory.max", limit) && add_number(swap_path, "memory.swap.max", swap) &&
           add_number(low_path, "memory.low", reservation);
  }

  bool read_cpu(JsonValue cpu, const FieldPath& path) {
    int64_t shares = kUnset;
    FieldPath shares_path = path.member("shares");
    if (!is_set(cpu)) return true;
    if (!check_section(cpu, path, kCpu) ||
        !fields_.integer(cpu.get("shares"), shares_path, kMinShares, kMaxShares, &shares)) {
      return false;
    }
    int64_t weight = shares == kUnset ? kUnset : weight_of(shares);
    return add_number(shares_path, "cpu.weight", weight) && read_quota(cpu, path) &&
           add_text(cpu, path.member("cpus"), "cpuset.cpus") && add_text(cpu, path.member("mems"), "cpuset.mems");
  }

  // cpu.max holds both: "<quota> <period>". A quota alone leaves the period as it is.
  bool read_quota(JsonValue cpu, const FieldPath& path) {
    int64_t quota = kUnset, period = kUnset;
    FieldPath quota_path = path.member("quota"), period_path = path.member("period");
    if (!integer(cpu, quota_path, kMinQuotaUs, &quota) ||
        !fields_.integer(cpu.get("period"), period_path, kMinPeriodUs, kMaxPeriodUs, &period)) {
      return false;
    }
    if (period == kUnset) return add_number(quota_path, "cpu.max", quota);
    Text<48> text;
    if (quota == kNoLimit) text.add("max ");
    if (quota > 0) text.add_int(quota).add(' ');
    text.add_int(period);
    if (quota == kUnset) return add(period_path, "cpu.max", nullptr, text.view(), true);
    return add(quota_path, "cpu.max", nullptr, text.view());
  }

  bool read_pids(JsonValue pids, const FieldPath& path) {
    int64_t limit = kUnset;
    FieldPath limit_path = path.member("limit");
    if (!is_set(pids)) return true;
    if (!check_section(pids, path, kPids) || !integer(pids, limit_path, 0, &limit)) return false;
    // The specification: 0 is no limit, too.
    return add_number(limit_path, "pids.max", limit == 0 ? kNoLimit : limit);
  }

  bool read_unified(JsonValue unified, const FieldPath& path) {
    if (!is_set(unified)) return true;
    if (!fields_.is_object(unified, path)) return false;
    for (JsonValue item = unified.first(); item; item = item.next()) {
      FieldPath place = path.member(item.key());
      if (!is_file_name(item.key()))
        return fields_.fail(place, "must be the name of a controller's file, as memory.high");
      if (is_of_the_cgroup(item.key())) return fields_.fail(place, kUnsupported);
      const char* text = nullptr;
      if (!fields_.string(item, place, &text)) return false;
      if (text == nullptr || text[0] == '\0') return fields_.fail(place, "must be a string that is not empty");
      // A key ends in NUL, as every string of the document.
      if (!add(place, item.key().data(), text)) return false;
    }
    return true;
  }

  HeapArray<Limit>& out_;
  FieldReader fields_;
};

}  // namespace

std::string_view controller_of(const Limit& limit) {
  std::string_view file = limit.file;
  return take_until(&file, '.');
}

bool Limits::read(JsonValue resources, TextBuilder& error) {
  if (!is_set(resources)) return true;
  // The prefix, without its dot.
  FieldPath path{nullptr, prefix_.empty() ? prefix_ : std::string_view(prefix_.data(), prefix_.size() - 1), -1};
  return LimitReader(list_, error).read(resources, path);
}

TextBuilder& Limits::add_name(const Limit& limit, TextBuilder& out) const {
  return out.add(prefix_).add(limit.section).add('.').add(limit.field);
}
