#include "host/members/pid_index.h"

#include <cstdint>

namespace {

constexpr size_t kFirstSize = 64;
constexpr uint32_t kSpread = 2654435769u;  // 2^32 divided by the golden ratio (Knuth, "multiplicative hashing")

}  // namespace

// The slot with this pid, or the empty one where it belongs.
size_t PidIndex::slot_of(pid_t pid) const {
  size_t mask = slots_.size() - 1;
  size_t slot = (static_cast<uint32_t>(pid) * kSpread >> 8) & mask;
  while (slots_[slot].pid != 0 && slots_[slot].pid != pid) slot = (slot + 1) & mask;
  return slot;
}

size_t PidIndex::find(pid_t pid) const {
  if (slots_.empty()) return kNone;
  const Slot& slot = slots_[slot_of(pid)];
  return slot.pid == pid ? slot.position : kNone;
}

bool PidIndex::grow() {
  HeapArray<Slot> old;
  for (const Slot& slot : slots_) {
    if (slot.pid != 0 && !old.push(slot)) return false;
  }
  size_t size = slots_.empty() ? kFirstSize : 2 * slots_.size();
  if (!slots_.fill(size, {0, 0})) return false;
  for (const Slot& slot : old) slots_[slot_of(slot.pid)] = slot;
  return true;
}

bool PidIndex::put(pid_t pid, size_t position) {
  if (2 * (used_ + 1) > slots_.size() && !grow()) return false;
  Slot& slot = slots_[slot_of(pid)];
  if (slot.pid == 0) used_++;
  slot = {pid, position};
  return true;
}

void PidIndex::clear() {
  for (Slot& slot : slots_) slot = {0, 0};
  used_ = 0;
}
