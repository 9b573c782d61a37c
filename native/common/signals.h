// The dispositions of a program that has just begun. execve(2) gives caught signals their default action and leaves
// ignored ones ignored: so only those need to be reset, which /proc/self/status names (check_proc()).
#pragma once

#include <cstdint>

// Gives these signals their default action; bit 0 stands for signal 1.
void reset_signals(uint64_t ignored);

// Unblocks all signals.
void unblock_signals();
