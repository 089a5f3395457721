#ifndef RATCHET_INTERNAL_BINDING_H_
#define RATCHET_INTERNAL_BINDING_H_

// Included by bound_group.h: what is bound, and how it finds out.

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/callback_handle.h"
#include "ratchet/future.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/pretty_name.h"
#include "ratchet/internal/runnable.h"
#include "ratchet/internal/slab.h"
#include "ratchet/internal/transitions.h"
#include "ratchet/promise.h"
#include "ratchet/status.h"
#include "ratchet/task.h"

namespace ratchet::internal {

class binding_core;

// One thing that ends with the group, in its list.
class bound : public slab_allocated<block_kind::plain> {
 public:
  explicit bound(binding_core& core);
  bound(const bound&) = delete;
  bound& operator=(const bound&) = delete;

  // Ends it, and takes it from the list. May destroy it.
  virtual void end(const absl::Status& why) = 0;
  // What it is: one of the two.
  virtual future_state* task() { return nullptr; }
  virtual callback_handle callback() { return callback_handle(); }

 protected:
  virtual ~bound();
  // Out of the list, for good.
  void leave();

 private:
  friend class binding_core;
  binding_core* core_;  // nullptr when it is in no list.
  bound* previous_;
  bound* next_ = nullptr;
};

// binding_core: the list of what is bound to one group. It outlives the group
// for as long as a callable made with bind(), or a join, does.
class binding_core : public slab_allocated<block_kind::plain> {
 public:
  binding_core() = default;
  binding_core(const binding_core&) = delete;
  binding_core& operator=(const binding_core&) = delete;

  void ref() { ++refs_; }
  void unref() {
    if (--refs_ == 0) delete this;
  }

  // The group has been destroyed, or is being so.
  bool gone() const { return gone_; }
  // What those get who come too late.
  const absl::Status& gone_error() const { return why_; }
  size_t size() const { return size_; }

  void end_all(const std::string& name);
  void ask_all(const absl::Status& why);

  // Completes when nothing is left. REQUIRES: size() > 0.
  future<void> when_empty();
  bool has_task(task_core* task) const;

 private:
  friend class bound;
  ~binding_core() = default;
  void add(bound& b);
  void remove(bound& b);

  uint32_t refs_ = 1;
  bool gone_ = false;
  size_t size_ = 0;
  bound* first_ = nullptr;
  bound* last_ = nullptr;
  std::vector<promise<void>> joins_;
  absl::Status why_;
};

class binding_ref {
 public:
  explicit binding_ref(binding_core& core) : core_(&core) { core.ref(); }
  binding_ref(const binding_ref& other) : binding_ref(*other.core_) {}
  binding_ref& operator=(const binding_ref& other) {
    binding_ref copy(other);
    std::swap(core_, copy.core_);
    return *this;
  }
  ~binding_ref() { core_->unref(); }
  binding_core& operator*() const { return *core_; }
  binding_core* operator->() const { return core_; }

 private:
  binding_core* core_;
};

// -- Tasks --------------------------------------------------------------------

class bound_task final : public bound, public runnable {
 public:
  bound_task(binding_core& core, future_state& state);
  void take_turn() override;
  void drop_turn() override { take_turn(); }
  void end(const absl::Status& why) override;
  future_state* task() override { return state_.get(); }

 private:
  state_ref<future_state> state_;
};

// Puts a task that has just been started under `core`.
void bind_task(binding_core& core, future_state& state);
absl::Status binding_gone();

// The task of a group: it awaits its machine, which so is a frame, and can be
// destroyed while handles on the future of the task are left.
template <class M>
class bound_root final : public task<typename M::result_type> {
  using T = typename M::result_type;

 public:
  template <class Machine>
  explicit bound_root(std::in_place_t, Machine&& machine) {
    M* const callee =
        new_machine<machine_for<Machine>>(std::forward<Machine>(machine));
    this->set_first(*callee, transition_to_start<M>::value);
    this->hold_source(callee);
  }
  bound_root(bound_root&& other) noexcept : task<T>() {
    this->hold_source(other.take_source());
  }
  bound_root& operator=(bound_root&&) = delete;
  ~bound_root() override = default;

  step start() {
    using next = transition_to<&bound_root::finish, from_future<T>>;
    return this->call_machine(next::value, this->take_source());
  }
  std::string task_name() const override {
    return std::string(name_of_type<M>()) + "#" + std::to_string(this->id());
  }

 private:
  template <auto Next, class Source, class Machine>
  friend struct internal::transition_to;

  step finish(outcome<T> result) { return this->done(std::move(result)); }
};

template <class Machine>
auto start_bound(binding_core& core, Machine&& machine,
                 task_core::first_step when) {
  static_assert(is_machine<Machine>,
                "bound_group::create_task(machine): the machine must derive "
                "from task<T>");
  static_assert(!std::is_lvalue_reference_v<Machine>,
                "create_task(machine) takes the machine: std::move it");
  using M = machine_for<Machine>;
  using T = typename M::result_type;
  if (core.gone()) return make_error_future<T>(binding_gone());
  const binding_ref keep(core);  // An eager step may end the group.
  future<T> f = start_machine(
      loop_core::current("bound_group::create_task()"),
      bound_root<M>(std::in_place, std::forward<Machine>(machine)), when);
  bind_task(core, f.state("create_task()"));
  return f;
}

// -- Scheduled callbacks ------------------------------------------------------

class bound_callback final : public bound {
 public:
  using bound::bound;
  ~bound_callback() override = default;
  void set_handle(const callback_handle& handle) { handle_ = handle; }
  callback_handle callback() override { return handle_; }
  // The callable goes, and with it its ticket, and with that this.
  void end(const absl::Status& /*why*/) override {
    callback_handle handle = handle_;
    leave();
    handle.cancel();
  }

 private:
  callback_handle handle_;
};

// Owns the node of a callback: part of the callable.
class bound_ticket {
 public:
  explicit bound_ticket(binding_core& core) : node_(new bound_callback(core)) {}
  bound_ticket(bound_ticket&& other) noexcept
      : node_(std::exchange(other.node_, nullptr)) {}
  bound_ticket& operator=(bound_ticket&&) = delete;
  ~bound_ticket() { delete node_; }
  bound_callback* node() const { return node_; }

 private:
  bound_callback* node_;
};

template <class F>
class ticketed {
 public:
  template <class G>
  ticketed(bound_ticket ticket, G&& f)
      : ticket_(std::move(ticket)), f_(std::forward<G>(f)) {}

  decltype(auto) operator()() && {
    { const bound_ticket used(std::move(ticket_)); }  // It does not count now.
    return std::move(f_)();
  }

 private:
  bound_ticket ticket_;
  F f_;
};

// -- bind() -------------------------------------------------------------------

// What a callable gives in place of an R.
template <class R>
struct bound_result {
  using type = absl::StatusOr<R>;
  static type of(const absl::Status& gone) { return gone; }
};
template <>
struct bound_result<void> {
  using type = void;
  static void of(const absl::Status& /*gone*/) {}
};
template <>
struct bound_result<absl::Status> {
  using type = absl::Status;
  static type of(const absl::Status& /*gone*/) { return absl::OkStatus(); }
};
template <class T>
struct bound_result<absl::StatusOr<T>> {
  using type = absl::StatusOr<T>;
  static type of(const absl::Status& gone) { return gone; }
};
template <class T>
struct bound_result<future<T>> {
  using type = future<T>;
  static type of(const absl::Status& gone) {
    return make_error_future<T>(gone);
  }
};
template <class T>
struct bound_result<shared_future<T>> {
  using type = shared_future<T>;
  static type of(const absl::Status& gone) {
    return make_error_future<T>(gone);
  }
};

template <class F>
class bound_function {
 public:
  template <class G>
  bound_function(binding_core& core, G&& f)
      : core_(core), f_(std::forward<G>(f)) {}

  template <class... A,
            std::enable_if_t<std::is_invocable_v<F&, A...>, int> = 0>
  auto operator()(A&&... a) {
    using R = std::decay_t<std::invoke_result_t<F&, A...>>;
    if constexpr (is_machine<R>) {
      using T = typename R::result_type;
      if (gone()) return make_error_future<T>(gone_error());
      return start_bound(*core_, f_(std::forward<A>(a)...),
                         task_core::first_step::queued);
    } else {
      using Result = bound_result<R>;
      if (gone()) return Result::of(gone_error());
      return static_cast<typename Result::type>(f_(std::forward<A>(a)...));
    }
  }

  // For a continuation, which ends with the error.
  bool gone() const { return core_->gone(); }
  const absl::Status& gone_error() const { return core_->gone_error(); }

 private:
  binding_ref core_;
  F f_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_BINDING_H_
