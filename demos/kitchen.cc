// kitchen: Cooks take orders from a queue and share two stoves

// The waiter takes no more orders than there is room for on the board (a queue
// with a maximum size), the cooks wait for orders and for a stove (a
// semaphore), and the kitchen closes when all is cooked (join, shutdown).

#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"
#include "ratchet/sync.h"

struct order {
  int table = 0;
  std::string dish;
  absl::Duration takes;
};

struct kitchen {
  ratchet::queue<order> board{2, "board"};
  ratchet::semaphore stoves{2, "stoves"};
};

class cook final : public ratchet::task<int> {
 public:
  cook(kitchen& k, std::string name) : k_(k), name_(std::move(name)) {}
  step start() { return await<&cook::got>(k_.board.get()); }

 private:
  step got(absl::StatusOr<order> next) {
    if (ratchet::kind_of(next.status()) ==
        ratchet::error_kind::queue_shut_down) {
      lesson::display(absl::StrCat(name_, " goes home"));
      return done(cooked_);
    }
    if (!next.ok()) return fail(next.status());
    order_ = *std::move(next);
    return await<&cook::at_the_stove>(k_.stoves.hold());
  }
  step at_the_stove(ratchet::held<ratchet::semaphore> stove) {
    stove_ = std::move(stove);
    lesson::display(absl::StrCat(name_, " cooks ", order_.dish));
    return sleep_for<&cook::cooked>(order_.takes);
  }
  step cooked() {
    stove_.release();
    lesson::display(absl::StrCat(order_.dish, " for table ", order_.table));
    ++cooked_;
    lesson::check(k_.board.task_done());
    return start();
  }

  kitchen& k_;
  const std::string name_;
  int cooked_ = 0;
  order order_;
  ratchet::held<ratchet::semaphore> stove_;
};

class waiter final : public ratchet::task<void> {
 public:
  explicit waiter(kitchen& k) : k_(k) {}
  step start() { return take_orders(); }

 private:
  step take_orders() {
    if (next_ == orders_.size()) {
      lesson::display("No more orders");
      return await<&waiter::all_cooked>(k_.board.join());
    }
    return await<&waiter::on_the_board>(k_.board.put(orders_[next_]));
  }
  step on_the_board() {
    lesson::display(absl::StrCat("Order: ", orders_[next_].dish));
    ++next_;
    return take_orders();
  }
  step all_cooked() {
    lesson::display("The kitchen closes");
    k_.board.shutdown();
    return done();
  }

  kitchen& k_;
  size_t next_ = 0;
  const std::vector<order> orders_ = {
      {1, "soup", absl::Seconds(1)},  {1, "fish", absl::Seconds(3)},
      {2, "steak", absl::Seconds(2)}, {3, "pasta", absl::Seconds(1)},
      {2, "salad", absl::Seconds(1)}, {3, "cake", absl::Seconds(2)}};
};

class main_task final : public ratchet::task<void> {
 public:
  step start() {
    return await<&main_task::closed>(ratchet::when_all(
        waiter(k_), cook(k_, "Ada"), cook(k_, "Bob"), cook(k_, "Cid")));
  }

 private:
  step closed(std::tuple<std::monostate, int, int, int> cooked) {
    lesson::display(absl::StrCat("Cooked: ", std::get<1>(cooked), ", ",
                                 std::get<2>(cooked), ", ",
                                 std::get<3>(cooked)));
    return done();
  }

  kitchen k_;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
