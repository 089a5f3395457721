#include "demos/lesson.h"

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "absl/time/time.h"
#include "demos/flags.h"
#include "gflags/gflags.h"

DEFINE_bool(virtual_time, false,
            "Let time jump instead of pass: the lesson ends at once, and its "
            "clock starts at 00:00:00.");

namespace lesson {
namespace {

class lesson_clock final : public ratchet::clock {
 public:
  int64_t now_ns() override {
    return FLAGS_virtual_time ? virtual_.now_ns() : real_.now_ns();
  }
  bool jump_to(int64_t deadline_ns) override {
    return FLAGS_virtual_time && stops_ == 0 && virtual_.jump_to(deadline_ns);
  }
  void stop() { ++stops_; }
  void resume() { --stops_; }

 private:
  ratchet::virtual_clock virtual_;
  ratchet::steady_clock real_;
  int stops_ = 0;
};

lesson_clock& the_clock() {
  static lesson_clock& instance = *new lesson_clock;
  return instance;
}

}  // namespace

void begin(int argc, char** argv, const char* usage) {
  demo::parse_only_flags(usage, argc, argv);
  std::cout << std::unitbuf;
}

ratchet::clock& clock() { return the_clock(); }

std::string time_of_day() {
  const absl::TimeZone zone =
      FLAGS_virtual_time ? absl::UTCTimeZone() : absl::LocalTimeZone();
  return absl::FormatTime("%H:%M:%S", clock().now(), zone);
}

void display(std::string_view message) {
  std::cout << time_of_day() << ' ' << message << '\n';
}

void check(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << '\n';
  std::exit(1);
}

stopped_clock::stopped_clock() { the_clock().stop(); }
stopped_clock::~stopped_clock() { the_clock().resume(); }

}  // namespace lesson
