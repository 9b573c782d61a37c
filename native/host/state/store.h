// The state root and the containers' directories in it: makes, finds, locks and removes them. Each container has one
// directory, named by its id; its lock is flock(2) on that directory. Does not own the content of state.json (state.h).
//
// A directory without state.json whose lock is free is half made: the `run` that made it was killed before it let its
// process go.
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"

// [A-Za-z0-9][A-Za-z0-9_.+-]*, at most 255 bytes.
bool is_valid_id(const char* id);

// Opens the state root (nullptr: the user's default). It must be a directory of this user that no other user may write
// to. With `create` it is made if it is missing, and its parents, with mode 0700. Without, a missing one is -ENOENT
// with no error text.
int open_root(const char* path, bool create, UniqueFd* root_fd, TextBuilder& error);

// Makes the container's directory and locks it. False with the reason.
bool create_container(int root_fd, const char* id, UniqueFd* container_fd, TextBuilder& error);

// Opens the state root, and in it the directory of an existing container: 0 or -errno (-ENOENT: no such container).
int open_existing(const char* root, const char* id, UniqueFd* root_fd, UniqueFd* container_fd, TextBuilder& error);

// Takes the lock, waiting at most ten seconds: 0 or -errno (-ENOENT: the container was deleted meanwhile).
int lock_container(int container_fd, const char* id, TextBuilder& error);
void unlock_container(int container_fd);

// Removes the directory and the files in it.
bool remove_container(int root_fd, const char* id, int container_fd, TextBuilder& error);
