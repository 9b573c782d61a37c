// One function for each command: true, or false with the reason. Each is called at most once, and the program ends
// after it.
#pragma once

#include "common/text.h"
#include "host/command_line.h"
#include "host/reason.h"

bool run_command(const CommandLine& line, Reason& error);
bool create_command(const CommandLine& line, Reason& error);
bool start_command(const CommandLine& line, Reason& error);
bool exec_command(const CommandLine& line, Reason& error);
bool state_command(const CommandLine& line, TextBuilder& error);
bool kill_command(const CommandLine& line, TextBuilder& error);
bool pause_command(const CommandLine& line, TextBuilder& error);
bool resume_command(const CommandLine& line, TextBuilder& error);
bool ps_command(const CommandLine& line, TextBuilder& error);
bool events_command(const CommandLine& line, TextBuilder& error);
bool update_command(const CommandLine& line, Reason& error);
bool delete_command(const CommandLine& line, TextBuilder& error);
