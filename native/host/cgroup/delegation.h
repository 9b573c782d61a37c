// Whether systemd, if it is there, lets its units' processes make cgroups of their own.
#pragma once

// Whether a cgroup may be made below this one: it is in a unit of systemd with Delegate=yes, or in none. Source:
// systemd's "Control Group APIs and Delegation" (https://systemd.io/CGROUP_DELEGATION).
bool is_delegated(const char* cgroup);

// Whether the library made this cgroup as a scope, for one shim and its process.
bool is_own_scope(const char* cgroup);

// Whether the cgroup above, too, is for us: this one is no unit, marks no delegation, and is not a container's.
bool may_use_parent(const char* cgroup);
