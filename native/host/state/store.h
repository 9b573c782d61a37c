// The state root and the containers' directories in it: making, finding, locking, removing. One directory a container,
// named by its id; the lock is flock(2) on that directory. Does not own what state.json says (state.h).
//
// A directory without state.json whose lock is free is half made: the run that made it was killed before its process
// was let go.
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"

// [A-Za-z0-9][A-Za-z0-9_.+-]*, at most 255 bytes.
bool is_valid_id(const char* id);

// Opens the state root (nullptr: the user's default). It must be a directory of this user that nobody else may write
// to. With `create` it is made, 0700, parents too. -ENOENT without an error text when it is not there.
int open_root(const char* path, bool create, UniqueFd* root_fd, TextBuilder& error);

// Makes the container's directory and locks it.
bool create_container(int root_fd, const char* id, UniqueFd* container_fd, TextBuilder& error);

// Opens the state root and in it the directory of a container that exists: 0 or -errno (-ENOENT: no such container).
int open_existing(const char* root, const char* id, UniqueFd* root_fd, UniqueFd* container_fd, TextBuilder& error);

// Waits (bounded) for the lock: 0 or -errno (-ENOENT: the container was deleted meanwhile).
int lock_container(int container_fd, const char* id, TextBuilder& error);
void unlock_container(int container_fd);

// Removes the directory and the files in it.
bool remove_container(int root_fd, const char* id, int container_fd, TextBuilder& error);
