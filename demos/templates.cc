// templates: The three ways to run a function; they print nothing

#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

class my_function final : public ratchet::task<void> {
 public:
  step start() { return sleep_for<&my_function::finish>(absl::Seconds(1)); }

 private:
  step finish() { return done(); }
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);

  {  // One function, to its end.
    ratchet::event_loop loop(lesson::clock());
    lesson::check(loop.run_until_complete(my_function()));
  }

  {  // Several functions together.
    ratchet::event_loop loop(lesson::clock());
    lesson::check(loop.run_until_complete(
        ratchet::when_all(my_function(), my_function(), my_function())));
  }

  {  // A future made from a function, then run.
    ratchet::event_loop loop(lesson::clock());
    ratchet::future<void> future = loop.create_task(my_function());
    lesson::check(loop.run_until_complete(future));
  }
}
