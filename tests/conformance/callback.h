#ifndef RATCHET_TESTS_CONFORMANCE_CALLBACK_H_
#define RATCHET_TESTS_CONFORMANCE_CALLBACK_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/callback_handle.h"
#include "ratchet/future.h"
#include "tests/conformance/program.h"
#include "tests/conformance/registry.h"

namespace ratchet::conformance {

class interpreter;

// callback: the function that call_soon & co. or on_done register: prints that
// it runs, then runs its list.
class callback {
 public:
  callback(interpreter& owner, const operation& op)
      : owner_(owner), name_("@" + op.text("as")), ops_(op.callback) {}

  // `of`: the future that is done, for a done-callback. Its error is that of a
  // `raise`, which ends the list.
  absl::Status run(const handle* of);

 private:
  interpreter& owner_;
  const std::string name_;
  const op_list& ops_;
};

// timer: what call_soon, call_later, call_at and call_soon_threadsafe give.
class timer {
 public:
  explicit timer(callback_handle h) : handle_(std::move(h)) {}
  // A posted callback has no handle: it looks at `cancelled` itself.
  explicit timer(std::shared_ptr<bool> cancelled)
      : posted_cancelled_(std::move(cancelled)) {}

  void cancel();
  bool cancelled() const;

 private:
  callback_handle handle_;
  std::shared_ptr<bool> posted_cancelled_;
};

using timer_names = std::map<std::string, timer>;

// done_callback: a callback with its registrations by on_done.
struct done_callback {
  done_callback(interpreter& owner, const operation& op)
      : function(owner, op) {}

  callback function;
  std::vector<std::pair<const handle*, callback_handle>> registrations;
};

using callback_names = std::map<std::string, std::shared_ptr<done_callback>>;

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_CALLBACK_H_
