// What a bundle may ask for and the host runtime does not do: every such field refused by its name, so that nobody
// believes in an isolation that is not there.
#pragma once

#include "common/json.h"
#include "common/text.h"

// config.json as a whole, without its process object. False with the field's path, and nothing else, in `error`.
bool check_bundle_asks_nothing_more(JsonValue config, TextBuilder& error);

// The process object, in whichever file; `prefix` is "process." or "".
bool check_process_asks_nothing_more(JsonValue process, std::string_view prefix, TextBuilder& error);
// The resources object of `update`: the same.
bool check_resources_ask_nothing(JsonValue resources, TextBuilder& error);
