// The words for what went wrong in the child, runc's where it has some.
#pragma once

#include "common/text.h"
#include "host/child.h"

void add_launch_error(const ProcessConfig& process, const ChildFailure& failure, TextBuilder& error);
