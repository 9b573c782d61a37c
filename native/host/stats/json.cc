// The JSON of `events --stats`, as runc prints it.
#include "common/json_escape.h"
#include "host/stats/stats.h"

namespace {

// Writes an object member by member, with commas between them.
class Members {
 public:
  explicit Members(TextBuilder& out) : out_(out) { out_.add('{'); }
  TextBuilder& key(std::string_view name) {
    if (!first_) out_.add(',');
    first_ = false;
    add_json_string(out_, name);
    return out_.add(':');
  }
  void number(std::string_view name, int64_t value) {
    if (value >= 0) key(name).add_int(value);
  }
  void text(std::string_view name, std::string_view digits) {
    if (!digits.empty()) key(name).add(digits);
  }
  void end() { out_.add('}'); }

 private:
  TextBuilder& out_;
  bool first_ = true;
};

void add_cpu(TextBuilder& out, const Stats& stats) {
  Members cpu(out);
  Members usage(cpu.key("usage"));
  usage.number("total", stats.total_ns);
  usage.number("kernel", stats.kernel_ns);
  usage.number("user", stats.user_ns);
  usage.end();
  Members throttling(cpu.key("throttling"));
  throttling.number("periods", stats.periods);
  throttling.number("throttledPeriods", stats.throttled_periods);
  throttling.number("throttledTime", stats.throttled_ns);
  throttling.end();
  cpu.end();
}

// memory.stat: each line is a name and a number.
void add_raw(TextBuilder& out, std::string_view lines) {
  Members raw(out);
  while (!lines.empty()) {
    std::string_view line = take_until(&lines, '\n');
    std::string_view name = take_until(&line, ' ');
    int64_t value = 0;
    if (!name.empty() && parse_int(line, &value)) raw.number(name, value);
  }
  raw.end();
}

void add_memory(TextBuilder& out, const Stats& stats) {
  Members memory(out);
  memory.number("cache", stats.cache_bytes);
  Members usage(memory.key("usage"));
  usage.text("limit", stats.memory_limit.view());
  usage.number("usage", stats.memory_bytes);
  usage.number("max", stats.peak_memory_bytes);
  usage.end();
  if (stats.swap_bytes >= 0) {
    Members swap(memory.key("swap"));
    swap.text("limit", stats.swap_limit.view());
    swap.number("usage", stats.swap_bytes);
    swap.end();
  }
  if (stats.memory_stat.size() > 0) add_raw(memory.key("raw"), stats.memory_stat.view());
  memory.end();
}

// Writes an array of entries, one for each device and operation.
class Entries {
 public:
  explicit Entries(TextBuilder& out) : out_(out) { out_.add('['); }
  // An empty device stands for all devices.
  void add(std::string_view device, std::string_view operation, int64_t value) {
    if (!first_) out_.add(',');
    first_ = false;
    Members entry(out_);
    int64_t major = 0, minor = 0;
    std::string_view rest = device;
    if (parse_int(take_until(&rest, ':'), &major) && parse_int(rest, &minor)) {
      entry.number("major", major);
      entry.number("minor", minor);
    }
    entry.key("op").add('"').add(operation).add('"');
    entry.number("value", value);
    entry.end();
  }
  void end() { out_.add(']'); }

 private:
  TextBuilder& out_;
  bool first_ = true;
};

// io.stat: each line is a device, "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ...".
void add_devices(TextBuilder& out, std::string_view lines, std::string_view read_key, std::string_view write_key) {
  Entries entries(out);
  while (!lines.empty()) {
    std::string_view line = take_until(&lines, '\n');
    std::string_view device = take_until(&line, ' ');
    while (!line.empty()) {
      std::string_view rest = take_until(&line, ' ');
      std::string_view key = take_until(&rest, '=');
      int64_t value = 0;
      if ((key != read_key && key != write_key) || !parse_int(rest, &value) || value < 0) continue;
      entries.add(device, key == read_key ? "Read" : "Write", value);
    }
  }
  entries.end();
}

void add_block_io(TextBuilder& out, const Stats& stats) {
  Members block_io(out);
  if (stats.io_stat.size() > 0) {
    add_devices(block_io.key("ioServiceBytesRecursive"), stats.io_stat.view(), "rbytes", "wbytes");
    add_devices(block_io.key("ioServicedRecursive"), stats.io_stat.view(), "rios", "wios");
  } else if (stats.read_bytes >= 0) {
    Entries entries(block_io.key("ioServiceBytesRecursive"));
    entries.add("", "Read", stats.read_bytes);
    entries.add("", "Write", stats.written_bytes);
    entries.end();
  }
  block_io.end();
}

}  // namespace

void add_stats_json(TextBuilder& out, const Stats& stats) {
  Members data(out);
  add_cpu(data.key("cpu"), stats);
  add_memory(data.key("memory"), stats);
  Members pids(data.key("pids"));
  pids.number("current", stats.tasks);
  pids.number("limit", stats.max_tasks);
  pids.end();
  add_block_io(data.key("blkio"), stats);
  data.key("hugetlb").add("{}");
  data.key("intel_rdt").add("{}");
  data.key("network_interfaces").add("null");
  data.end();
}

// Escaping makes a name at most six times as long; a line of io.stat becomes objects of at most 16 times its length.
size_t stats_json_capacity(const Stats& stats) {
  return 4096 + 8 * stats.memory_stat.size() + 16 * stats.io_stat.size();
}
