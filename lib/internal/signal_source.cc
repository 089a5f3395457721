#include "ratchet/internal/signal_source.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/system_error.h"

namespace ratchet::internal {

struct signal_slot {
  std::atomic<uint64_t> watched{0};
  std::atomic<uint64_t> came{0};
  int event = -1;               // For good, like the next two.
  signal_slot* next = nullptr;  // Behind it in the list.
  bool used = false;            // Guarded by the registry's mutex.
};

namespace {

constexpr int kMostSignals = 64;

constexpr uint64_t bit_of(int number) { return uint64_t{1} << (number - 1); }

// What the handler walks through.
std::atomic<signal_slot*> first_slot{nullptr};
static_assert(std::atomic<uint64_t>::is_always_lock_free &&
                  std::atomic<signal_slot*>::is_always_lock_free,
              "the signal handler needs atomics without locks");

// Async-signal-safe.
void on_signal(int number) {
  const int saved = errno;
  const uint64_t bit = bit_of(number);
  // Acquire pairs with the release of whoever made the slot.
  for (signal_slot* s = first_slot.load(std::memory_order_acquire);
       s != nullptr; s = s->next) {
    if ((s->watched.load(std::memory_order_acquire) & bit) == 0) continue;
    s->came.fetch_or(bit, std::memory_order_release);
    const uint64_t one = 1;
    // Fails only when the counter is full: then the loop is awake anyway.
    [[maybe_unused]] const ssize_t n = ::write(s->event, &one, sizeof one);
  }
  errno = saved;
}

// Who watches what in this process.
class registry {
 public:
  static registry& get() {
    static auto& the = *new registry;
    return the;
  }

  // A slot that watches for `signals`, with the handler installed for each.
  absl::Status acquire(uint64_t signals, signal_slot*& out) {
    const std::lock_guard<std::mutex> lock(mutex_);
    absl::Status status = free_slot(out);
    if (!status.ok()) return status;
    out->came.store(0, std::memory_order_relaxed);
    out->watched.store(signals, std::memory_order_release);
    for (int number = 1; number <= kMostSignals; ++number) {
      if ((signals & bit_of(number)) == 0 || watchers_[number]++ > 0) continue;
      if (install(number)) continue;
      status = system_error(errno,
                            absl::StrCat("watching for ", signal_name(number)));
      --watchers_[number];
      release_locked(*out, signals & (bit_of(number) - 1));
      return status;
    }
    out->used = true;
    return absl::OkStatus();
  }

  void release(signal_slot& slot, uint64_t signals) {
    const std::lock_guard<std::mutex> lock(mutex_);
    release_locked(slot, signals);
  }

 private:
  // All of these with the mutex locked.
  absl::Status free_slot(signal_slot*& out) {
    for (out = first_slot.load(std::memory_order_relaxed); out != nullptr;
         out = out->next) {
      if (out->used) continue;
      // What a handler left that was late: a loop need not wake for it.
      uint64_t left;
      [[maybe_unused]] const ssize_t n = ::read(out->event, &left, sizeof left);
      return absl::OkStatus();
    }
    const int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0) return system_error(errno, "watching for signals: eventfd");
    out = new signal_slot;
    out->event = event;
    out->next = first_slot.load(std::memory_order_relaxed);
    first_slot.store(out, std::memory_order_release);
    return absl::OkStatus();
  }

  void release_locked(signal_slot& slot, uint64_t signals) {
    slot.watched.store(0, std::memory_order_release);
    slot.used = false;
    for (int number = 1; number <= kMostSignals; ++number) {
      if ((signals & bit_of(number)) == 0 || --watchers_[number] > 0) continue;
      restore(number);
    }
  }

  bool install(int number) {
    struct sigaction ours = {};
    ours.sa_handler = &on_signal;
    // Other threads' calls go on; the loop is woken by its eventfd.
    ours.sa_flags = SA_RESTART | SA_ONSTACK;
    return sigaction(number, &ours, &previous_[number]) == 0;
  }

  void restore(int number) {
    struct sigaction now = {};
    // Unless somebody else has set something since.
    if (sigaction(number, nullptr, &now) == 0 && now.sa_handler == &on_signal) {
      sigaction(number, &previous_[number], nullptr);
    }
  }

  std::mutex mutex_;  // Guards the rest, and who uses which slot.
  int watchers_[kMostSignals + 1] = {};
  struct sigaction previous_[kMostSignals + 1] = {};
};

bool can_be_watched(int number) {
  // The kernel delivers the first two to nobody. Returning from the handler of
  // a fault would only run into it again.
  static constexpr int kNever[] = {SIGKILL, SIGSTOP, SIGSEGV,
                                   SIGBUS,  SIGFPE,  SIGILL};
  return number >= 1 && number <= std::min(SIGRTMAX, kMostSignals) &&
         std::find(std::begin(kNever), std::end(kNever), number) ==
             std::end(kNever);
}

}  // namespace

std::string signal_name(int number) {
  struct named {
    int number;
    const char* name;
  };
  static constexpr named kNames[] = {
      {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},       {SIGQUIT, "SIGQUIT"},
      {SIGILL, "SIGILL"},   {SIGTRAP, "SIGTRAP"},     {SIGABRT, "SIGABRT"},
      {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},       {SIGKILL, "SIGKILL"},
      {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"},     {SIGUSR2, "SIGUSR2"},
      {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"},     {SIGTERM, "SIGTERM"},
      {SIGCHLD, "SIGCHLD"}, {SIGCONT, "SIGCONT"},     {SIGSTOP, "SIGSTOP"},
      {SIGTSTP, "SIGTSTP"}, {SIGTTIN, "SIGTTIN"},     {SIGTTOU, "SIGTTOU"},
      {SIGURG, "SIGURG"},   {SIGXCPU, "SIGXCPU"},     {SIGXFSZ, "SIGXFSZ"},
      {SIGPROF, "SIGPROF"}, {SIGVTALRM, "SIGVTALRM"}, {SIGWINCH, "SIGWINCH"},
      {SIGIO, "SIGIO"},     {SIGSYS, "SIGSYS"},
  };
  for (const named& n : kNames) {
    if (n.number == number) return n.name;
  }
  return absl::StrCat("signal ", number);
}

absl::Status signal_source::open(const std::vector<int>& signals) {
  if (signals.empty()) {
    return absl::InvalidArgumentError("watching for signals: none was named");
  }
  if (core_.closed()) return loop_core::closed_error();
  signals_ = 0;
  for (const int number : signals) {
    if (!can_be_watched(number)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "watching for signals: ", signal_name(number), " cannot be"));
    }
    signals_ |= bit_of(number);
  }
  absl::Status status = registry::get().acquire(signals_, slot_);
  if (!status.ok()) {
    slot_ = nullptr;
    return status;
  }
  // What has come by now is told first.
  status = core_.watch(slot_->event, kIoReadable, *this);
  if (!status.ok()) close();
  return status;
}

void signal_source::close() {
  if (slot_ == nullptr) return;
  core_.unwatch(*this, poller::removal::stays_open);
  registry::get().release(*std::exchange(slot_, nullptr), signals_);
}

signal_source::~signal_source() {
  close();
  core_.remove_state();
}

int signal_source::take_number() {
  if (slot_ == nullptr) return 0;
  // Acquire pairs with the handler's release.
  const uint64_t came = slot_->came.load(std::memory_order_acquire) & signals_;
  if (came == 0) return 0;
  const int number = __builtin_ctzll(came) + 1;
  slot_->came.fetch_and(~bit_of(number), std::memory_order_acq_rel);
  return number;
}

std::string signal_source::describe() const {
  std::string names;
  for (int number = 1; number <= kMostSignals; ++number) {
    if ((signals_ & bit_of(number)) == 0) continue;
    absl::StrAppend(&names, names.empty() ? "" : " or ", signal_name(number));
  }
  return names;
}

void signal_source::io_ready(uint32_t /*events*/) { signalled(); }

void signal_source::io_dropped(bool loop_closed) {
  close();
  dropped(loop_closed);
}

}  // namespace ratchet::internal
