// The signal mask, and the dispositions of a program that has just begun. execve(2) gives caught signals their default
// action and leaves ignored ones ignored: so only those need to be reset, which /proc/self/status names (check_proc()).
#pragma once

#include <cstdint>

// Gives these signals their default action; bit 0 stands for signal 1.
void reset_signals(uint64_t ignored);

// Blocks all signals, those that the C library uses itself included: one of them would end a program that it does not
// expect.
void block_signals();

// Unblocks all signals.
void unblock_signals();
