// The controllers of cgroup v2 that limits need: in which cgroup they can be enabled for those below it, and enabling
// them there. The kernel enables one only in a cgroup without processes of its own (cgroups(7), "No internal
// processes").
#pragma once

#include "host/bundle/limits.h"
#include "host/reason.h"

// Finds the cgroup below which a container with these limits is made: ours, if it may have controllers enabled, else
// the one above. False with the reason, and nothing is changed.
bool find_limits_parent(const Limits& limits, TextBuilder& parent, Reason& error);

// Enables the controllers of these limits for the cgroups below `parent`. In a scope of ours, its processes (the shim
// and this command) are moved to a cgroup `shim` below it. False with the reason.
bool enable_controllers(const char* parent, const Limits& limits, Reason& error);

// Begins the message about a limit that cannot be set here, and gives it its code.
TextBuilder& refuse_limit(const Limits& limits, const Limit& limit, Reason& error);
// The same for a call that failed: it is recorded, and the message has its path and reason.
bool refuse_call(const Limits& limits, const Limit& limit, int err, const char* call, const char* path, Reason& error);
