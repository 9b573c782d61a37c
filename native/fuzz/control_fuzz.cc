// fuzz-sources: native/shim/control.cc native/common/text.cc
//
// Any bytes through a pipe into the control reader, in pieces whose sizes the first bytes choose. However the bytes are
// cut, the same valid commands come out, and a valid line at the end is always read.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "fuzz/support.h"
#include "shim/control.h"

namespace {

// The commands in the bytes, if they arrive in pieces of these sizes, repeated.
std::vector<ControlCommand> read_in_pieces(std::string_view bytes, const std::vector<size_t>& sizes) {
  int fds[2];
  require(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
  std::vector<ControlCommand> commands;
  ControlReader reader;
  size_t turn = 0;
  while (!bytes.empty()) {
    size_t size = sizes[turn++ % sizes.size()];
    if (size > bytes.size()) size = bytes.size();
    require(write(fds[1], bytes.data(), size) == static_cast<ssize_t>(size));
    bytes.remove_prefix(size);
    ControlCommand command;
    while (reader.fill(fds[0])) {
      while (reader.next(&command)) commands.push_back(command);
    }
  }
  close(fds[0]);
  close(fds[1]);
  return commands;
}

bool same(const ControlCommand& a, const ControlCommand& b) {
  return a.type == b.type && a.width == b.width && a.height == b.height;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  std::vector<size_t> sizes = {data[0] + size_t{1}, data[1] + size_t{1}, data[2] * size_t{4} + 1};
  std::string bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  bytes += "\n1 2 3\n";
  std::vector<ControlCommand> pieces = read_in_pieces(bytes, sizes);
  std::vector<ControlCommand> whole = read_in_pieces(bytes, {bytes.size()});
  require(pieces.size() == whole.size());
  for (size_t i = 0; i < whole.size(); i++) {
    require(same(pieces[i], whole[i]));
    int type = static_cast<int>(whole[i].type);
    require(type >= 0 && type <= 2);
  }
  require(!whole.empty());
  const ControlCommand& last = whole.back();
  require(last.type == ControlCommand::Type::Resize && last.width == 2 && last.height == 3);
  return 0;
}
