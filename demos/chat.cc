#include "demos/chat.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace chat {
namespace {

constexpr const char* kFirstRoom = "lobby";

absl::string_view to_absl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) c = '?';
  }
  return clean;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 20 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '_';
         });
}

// -- The server ---------------------------------------------------------------

size_t server::unsent() const {
  size_t sum = 0;
  for (const auto& [name, who] : names_) sum += who->peer_.unsent();
  return sum;
}

std::string server::new_name() {
  std::string name;
  do {
    name = absl::StrCat("guest", ++guests_);
  } while (names_.count(name) != 0);
  return name;
}

bool server::rename(session& who, const std::string& name) {
  if (!names_.emplace(name, &who).second) return false;
  names_.erase(who.name_);
  who.name_ = name;
  return true;
}

void server::enter(session& who, const std::string& name) {
  room& to = rooms_[name];
  who.room_ = name;
  to.members.push_back(&who);
  who.tell(absl::StrCat("* you are in ", name, " as ", who.name_));
  for (const std::string& line : to.said) who.tell(line);
  announce(name, absl::StrCat("* ", who.name_, " has come"), &who);
}

void server::leave(session& who, std::string_view why) {
  const std::string name = who.room_;
  leave_unannounced(who);
  if (rooms_.count(name) == 0) return;
  announce(name, absl::StrCat("* ", who.name_, " has gone", to_absl(why)));
}

void server::leave_unannounced(session& who) {
  const auto found = rooms_.find(std::exchange(who.room_, ""));
  if (found == rooms_.end()) return;
  std::vector<session*>& members = found->second.members;
  members.erase(std::remove(members.begin(), members.end(), &who),
                members.end());
  if (members.empty() && found->first != kFirstRoom) rooms_.erase(found);
}

void server::say(const std::string& name, const std::string& line) {
  room& in = rooms_[name];
  in.said.push_back(line);
  if (in.said.size() > options_.backlog) in.said.pop_front();
  announce(name, line);
}

void server::announce(const std::string& name, const std::string& line,
                      const session* but) {
  for (session* member : rooms_[name].members) {
    if (member != but) member->tell(line);
  }
}

// -- A client -----------------------------------------------------------------

session::session(server& s, ratchet::stream peer)
    : server_(&s), peer_(std::move(peer)) {}

session::~session() {
  // Also of one that is destroyed in the middle.
  if (name_.empty()) return;
  server_->leave_unannounced(*this);
  server_->names_.erase(name_);
}

session::step session::start() {
  self_ = ratchet::event_loop::current().current_task();
  counted_at_ = ratchet::event_loop::current().now();
  lines_left_ = server_->options_.lines_a_second;
  name_ = server_->new_name();
  server_->names_.emplace(name_, this);
  tell("* welcome; /help tells what there is");
  server_->enter(*this, kFirstRoom);
  return next();
}

void session::tell(std::string_view line) {
  if (ending_ || !dismissed_.empty()) return;
  static_cast<void>(peer_.write({line, "\n"}));
  if (peer_.unsent() > server_->options_.most_unsent) {
    dismiss("you read too slowly");
  }
}

void session::dismiss(const std::string& why) {
  if (ending_ || !dismissed_.empty()) return;
  dismissed_ = why;
  self_.cancel(why);
}

session::step session::next() {
  const absl::Duration wait = wait_for_turn();
  if (wait > absl::ZeroDuration()) return sleep_for<&session::rested>(wait);
  return await<&session::got>(peer_.read_line(server_->options_.longest_line));
}

session::step session::rested(absl::Status status) {
  if (!status.ok()) return got(std::move(status));
  return next();
}

// As many lines as lines_a_second at once, and one more as time passes.
absl::Duration session::wait_for_turn() {
  const double rate = server_->options_.lines_a_second;
  const absl::Time now = ratchet::event_loop::current().now();
  lines_left_ = std::min(
      rate, lines_left_ + rate * absl::ToDoubleSeconds(now - counted_at_));
  counted_at_ = now;
  if (lines_left_ >= 1) return absl::ZeroDuration();
  return absl::Seconds((1 - lines_left_) / rate) + absl::Nanoseconds(1);
}

session::step session::got(
    absl::StatusOr<std::optional<std::string_view>> line) {
  if (!line.ok()) {
    const absl::Status& why = line.status();
    if (ratchet::is_cancelled(why)) {
      if (!dismissed_.empty()) return end(dismissed_);
      // All go: nobody is left to be told of it.
      return end(ratchet::cancel_reason(why), farewell::unannounced);
    }
    if (why.code() == absl::StatusCode::kResourceExhausted) {
      return end("this line is too long", farewell::lingering);
    }
    // The connection is broken.
    server_->leave(*this, "");
    server_->names_.erase(std::exchange(name_, ""));
    return ended(absl::OkStatus());
  }
  if (!line->has_value()) return end("");
  lines_left_ -= 1;
  if (!handle(printable(**line))) return end("goodbye");
  return next();
}

// What it was told last, and what has not been sent, goes out. Who may be
// sending still lingers: closing would then take back what was sent.
session::step session::end(const std::string& why, farewell how) {
  if (how == farewell::unannounced) {
    server_->leave_unannounced(*this);
  } else {
    server_->leave(*this, why.empty() ? "" : absl::StrCat(" (", why, ")"));
  }
  server_->names_.erase(std::exchange(name_, ""));
  if (!why.empty()) static_cast<void>(peer_.write({"* ", why, "\n"}));
  ending_ = true;
  linger_ = how == farewell::lingering;
  if (!dismissed_.empty()) self_.uncancel();  // That request was ours.
  last_moment_ =
      ratchet::event_loop::current().now() + server_->options_.goodbye;
  return await<&session::told>(
      ratchet::with_timeout(peer_.shutdown_write(), server_->options_.goodbye));
}

session::step session::told(absl::Status status) {
  if (!status.ok() || !linger_) return ended(std::move(status));
  return await<&session::heard>(ratchet::with_timeout(
      peer_.read_some(), last_moment_ - ratchet::event_loop::current().now()));
}

session::step session::heard(absl::StatusOr<std::string_view> more) {
  if (!more.ok() || more->empty()) return ended(more.status());
  return told(absl::OkStatus());
}

session::step session::ended(absl::Status status) {
  peer_.close();
  self_ = ratchet::task_handle();
  if (ratchet::is_cancelled(status)) return fail(std::move(status));
  return done();
}

bool session::handle(const std::string& line) {
  if (line.empty()) return true;
  if (line[0] != '/') {
    server_->say(room_, absl::StrCat(name_, ": ", line));
    return true;
  }
  const size_t space = line.find(' ');
  const std::string command = line.substr(0, space);
  const std::string argument(absl::StripAsciiWhitespace(
      space == std::string::npos ? "" : line.substr(space + 1)));
  if (command == "/quit") return false;
  if (command == "/nick") {
    change_name(argument);
  } else if (command == "/join") {
    change_room(argument);
  } else if (command == "/who") {
    list_members();
  } else if (command == "/rooms") {
    list_rooms();
  } else if (command == "/help") {
    tell("* /nick NAME, /join ROOM, /who, /rooms, /quit; the rest is said");
  } else {
    tell(
        absl::StrCat("* there is no ", command, "; /help tells what there is"));
  }
  return true;
}

void session::change_name(const std::string& name) {
  if (!is_name(name)) {
    tell("* a name is 1 to 20 letters, digits, - and _");
    return;
  }
  if (name == name_) return;
  const std::string old = name_;
  if (!server_->rename(*this, name)) {
    tell(absl::StrCat("* somebody else is called ", name));
    return;
  }
  server_->announce(room_, absl::StrCat("* ", old, " is now ", name));
}

void session::change_room(const std::string& name) {
  if (!is_name(name)) {
    tell("* a room's name is 1 to 20 letters, digits, - and _");
    return;
  }
  if (name == room_) return;
  server_->leave(*this, "");
  server_->enter(*this, name);
}

void session::list_members() {
  tell(absl::StrCat("* in ", room_, ": ",
                    absl::StrJoin(server_->rooms_[room_].members, ", ",
                                  [](std::string* out, const session* who) {
                                    absl::StrAppend(out, who->name());
                                  })));
}

void session::list_rooms() {
  tell(absl::StrCat("* rooms: ",
                    absl::StrJoin(server_->rooms_, ", ",
                                  [](std::string* out, const auto& named) {
                                    absl::StrAppend(out, named.first, " (",
                                                    named.second.members.size(),
                                                    ")");
                                  })));
}

}  // namespace chat
