#include "addon/descriptor_table.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <uv.h>

#include <algorithm>
#include <new>

#include "common/unique_fd.h"

namespace {

// Asked for when a quarter is used, so that the growth is over long before the rest is.
constexpr int kGrowth = 4;

struct Enlargement {
  int size;
  int any_fd;  // the event loop's own descriptor: it is open as long as there is a loop, and another one does not show
  napi_async_work work;
};

// A duplicate with the highest number makes the table that large. It stays so when that is closed.
void enlarge(int size, int any_fd) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  int highest = static_cast<int>(std::min<rlim_t>(static_cast<rlim_t>(size), limit.rlim_cur)) - 1;
  UniqueFd(fcntl(any_fd, F_DUPFD_CLOEXEC, highest));
}

void execute(napi_env, void* data) {
  Enlargement* wanted = static_cast<Enlargement*>(data);
  enlarge(wanted->size, wanted->any_fd);
}

void complete(napi_env env, napi_status, void* data) {
  Enlargement* done = static_cast<Enlargement*>(data);
  napi_delete_async_work(env, done->work);
  delete done;
}

}  // namespace

void DescriptorTable::opened(napi_env env, int fd) {
  if (fd < size_ / kGrowth) return;
  while (fd >= size_ / kGrowth) size_ *= kGrowth;
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return;
  Enlargement* wanted = new (std::nothrow) Enlargement{size_, uv_backend_fd(loop), nullptr};
  if (wanted == nullptr) return;
  Napi::HandleScope handles(env);
  Napi::String name = Napi::String::New(env, "OutliveDescriptors");
  if (napi_create_async_work(env, nullptr, name, execute, complete, wanted, &wanted->work) == napi_ok) {
    if (napi_queue_async_work(env, wanted->work) == napi_ok) return;
    napi_delete_async_work(env, wanted->work);
  }
  delete wanted;
}
