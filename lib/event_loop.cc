#include "ratchet/event_loop.h"

namespace ratchet {
namespace {

clock& real_time() {
  static steady_clock& instance = *new steady_clock;
  return instance;
}

}  // namespace

event_loop::event_loop() : event_loop(real_time()) {}

event_loop::event_loop(clock& clock) : core_(new internal::loop_core(clock)) {
  core_->set_owner(this);
}

event_loop::~event_loop() {
  core_->check_thread("~event_loop()");
  core_->abandon();
}

event_loop& event_loop::current() {
  return *internal::loop_core::current("event_loop::current()").owner();
}

absl::Status event_loop::run_forever() {
  core_->check_thread("run_forever()");
  absl::Status status = core_->check_nestable("run_forever()");
  if (!status.ok()) return status;
  return core_->run_forever();
}

void event_loop::stop() {
  core_->check_thread("stop()");
  core_->stop();
}

absl::Status event_loop::close() {
  core_->check_thread("close()");
  return core_->close();
}

void event_loop::set_error_handler(error_handler handler) {
  core_->check_thread("set_error_handler()");
  core_->set_error_handler(std::move(handler));
}

void event_loop::set_observer(observer* observer) {
  core_->check_thread("set_observer()");
  core_->set_observer(observer);
}

}  // namespace ratchet
