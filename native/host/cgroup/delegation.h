// Whether systemd, if it is there, lets its units' processes make cgroups of their own.
#pragma once

// Whether a cgroup may be made below this one: it is in a unit of systemd with Delegate=yes, or in none. Source:
// systemd's "Control Group APIs and Delegation" (https://systemd.io/CGROUP_DELEGATION).
bool is_delegated(const char* cgroup);
