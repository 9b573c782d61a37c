// The life of one supervised process, as steps that main takes in order, and the one loop that serves everything
// meanwhile. Contract: DESIGN "The shim's contract"; original: containerd-shim (June 2016).
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "shim/config.h"
#include "shim/control.h"
#include "shim/event_loop.h"
#include "shim/runtime.h"
#include "shim/status.h"
#include "shim/stdio.h"
#include "shim/terminal.h"

class Shim {
 public:
  Shim(const char* id, const char* bundle, const char* runtime);

  // Each step: 0, or a negated errno with the reason in why().
  int block_signals();
  int become_subreaper();
  int open_state_fifos();
  int load();
  int reserve_exit_status();
  int open_process_stdio();
  int start_runtime();
  // After the runtime ended well: reads the pid and makes sure that it is our child. It is not reaped before
  // serve_until() runs again, so record_identity() speaks of this very process.
  int adopt_process();
  int record_identity();
  int record_exit();
  int start_delete(bool force);
  // Hang-up of the exit FIFO: the process has ended and its container is cleaned up.
  void close_exit() { exit_fd_.reset(); }
  // From here on the shim only holds what is still of use: unread output, and orphans that nobody else would adopt.
  void begin_linger();

  // Serves signals, control lines and the terminal until the condition holds (0) or the limit is over (-ETIMEDOUT).
  using Condition = bool (Shim::*)();
  int serve_until(Condition done, int limit_ms = -1);
  bool runtime_ended() { return runtime_pid_ == 0; }
  bool process_ended() { return process_ended_; }
  bool nothing_held();
  // Kills what a failed start left behind, and what that leaves in turn: true when there is no child any more.
  bool children_ended();
  // Ends a `delete` that hangs, with all of its process group. It is our child and not yet reaped, so the pid is its.
  void kill_delete();

  bool is_exec() const { return config_.exec; }
  // A wait status, once runtime_ended(); 0 is success.
  int runtime_wait_status() const { return runtime_status_; }
  TextBuilder& why() { return why_; }

 private:
  int fail(const char* what, int err);
  int run_command(const Argv& argv, const int stdio_fds[3], bool own_group);
  void reap();
  bool candidate_settled();
  int poll_interval_ms() const;
  int want_events();
  void dispatch();
  void read_control();
  bool output_unread() const;
  bool state_removed() const;

  RuntimeContext context_;
  ShimConfig config_;
  Stdio stdio_;
  Terminal terminal_;
  UniqueFd exit_fd_;
  UniqueFd control_fd_;
  UniqueFd signal_fd_;
  UniqueFd changes_fd_;
  EventLoop loop_;
  ControlReader control_;
  pid_t runtime_pid_ = 0;
  int runtime_status_ = 0;
  pid_t candidate_pid_ = 0;  // what the pid file says, until it has proved true
  pid_t process_pid_ = 0;
  int process_status_ = 0;
  struct rusage process_usage_ = {};
  ExitStatusFile exit_status_file_;
  ExitRecordFile exit_record_file_;
  bool process_ended_ = false;
  bool released_ = false;
  Text<4096> dir_;
  Text<2048> why_;
};
