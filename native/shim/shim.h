// The life of one supervised process: the steps that main() takes in order, and the one loop that serves all events
// meanwhile. Contract: docs/protocol.md, "The shim". Original: containerd-shim (June 2016).
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "shim/config.h"
#include "shim/control.h"
#include "shim/event_loop.h"
#include "shim/oom_kills.h"
#include "shim/program.h"
#include "shim/runtime.h"
#include "shim/status.h"
#include "shim/stdio.h"
#include "shim/terminal.h"

class Shim {
 public:
  Shim(const char* id, const char* bundle, const char* runtime);

  // Each step returns 0, or -errno with the reason in why().
  int check_proc();
  int block_signals();
  int become_subreaper();
  int open_state_fifos();
  int load();
  int reserve_exit_status();
  int open_process_stdio();
  int start_runtime();
  // Reads what record_identity() needs, as far as it is known while the runtime is at work.
  void prepare_identity();
  // After the runtime has succeeded: reads the pid and makes sure that it is our child. The process is not reaped
  // before serve_until() runs again, so record_identity() cannot describe another process.
  int adopt_process();
  int record_identity();
  // What the process has written goes to the log, if it has one.
  void drain_output();
  // The end, in this order: written, flushed, told to the library and the log's readers, and its name flushed. The
  // flushes do nothing unless the container is durable.
  int flush_log();
  int write_exit();
  int flush_exit();
  int publish_exit();
  void end_log();
  int flush_directory();
  int start_delete(bool force);
  // Records that the runtime has deleted the container.
  int mark_deleted();
  // Hangs up the exit FIFO: the process has ended and its container is deleted.
  void close_exit() { exit_fd_.reset(); }
  // From here on the shim only keeps unread output alive, and orphans that no other process would adopt. SIGTERM, also
  // one that came before, ends the former.
  void begin_linger();

  // Serves signals, control lines and the terminal until the condition holds: 0. -ETIMEDOUT after the time limit.
  using Condition = bool (Shim::*)();
  int serve_until(Condition done, int limit_ms = -1);
  bool runtime_ended() { return runtime_pid_ == 0; }
  bool process_ended() { return process_ended_; }
  bool nothing_held();
  // Kills every child that a failed start left; their children follow in later calls. True once there is none.
  bool children_ended();
  // Kills a `delete` that hangs, with its process group. It is our child and not reaped, so the pid is still its own.
  void kill_delete();

  bool is_exec() const { return config_.exec; }
  // Valid once runtime_ended(); 0 is success.
  int runtime_wait_status() const { return runtime_status_; }
  TextBuilder& why() { return why_; }
  // The errno with which the runtime could not be executed, or 0.
  int spawn_errno() const { return spawn_errno_; }

 private:
  int fail(const char* what, int err);
  int run_command(const Argv& argv, const int stdio_fds[3], bool own_group);
  void reap();
  bool candidate_settled();
  int poll_interval_ms() const;
  int want_events();
  void dispatch();
  void read_control();
  void read_signals();
  bool output_unread() const;
  bool state_removed() const;

  RuntimeContext context_;
  HeldProgram program_;
  ShimConfig config_;
  Stdio stdio_;
  Terminal terminal_;
  uint64_t ignored_signals_ = ~0ull;  // when this program began
  UniqueFd exit_fd_;
  UniqueFd control_fd_;
  UniqueFd signal_fd_;
  UniqueFd changes_fd_;
  EventLoop loop_;
  ControlReader control_;
  pid_t runtime_pid_ = 0;
  int spawn_errno_ = 0;
  int runtime_status_ = 0;
  pid_t candidate_pid_ = 0;  // the pid in the pid file, until it is known to be our child
  pid_t process_pid_ = 0;
  int process_status_ = 0;
  struct rusage process_usage_ = {};
  ExitStatusFile exit_status_file_;
  ExitRecordFile exit_record_file_;
  IdentityFile identity_file_;
  OomKills oom_kills_;
  bool process_ended_ = false;
  bool released_ = false;
  Text<4096> dir_;
  Text<2048> why_;
};
