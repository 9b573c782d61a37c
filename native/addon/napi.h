// node-addon-api, as this addon uses it. Its headers do not compile with -Wshadow. In a worker that is being
// terminated, every call that could run JavaScript fails, and so does throwing an exception; the addon must then
// return, not abort.
#pragma once

#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <napi.h>
#pragma GCC diagnostic pop
