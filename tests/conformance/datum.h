#ifndef RATCHET_TESTS_CONFORMANCE_DATUM_H_
#define RATCHET_TESTS_CONFORMANCE_DATUM_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace ratchet::conformance {

// JSON with the members of objects in the order in which they came: the keys
// of a trace line have a fixed one.
using json = nlohmann::ordered_json;

// datum: what the tasks and futures of a program carry: null, a boolean, an
// integer, a string, a list. Inside of lists an error is {"err": NAME}.
class datum {
 public:
  datum() = default;  // null

  // The results of a when_all and of a when_all_settled.
  explicit datum(std::vector<datum> values);
  explicit datum(const std::vector<absl::StatusOr<datum>>& outcomes);

  // A constructor would let in everything that JSON can be made of.
  static datum of(json j);

  const json& as_json() const { return json_; }

 private:
  json json_;
};

// The name of an error in a trace: "cancelled", "timeout", "error:TEXT",
// "group[A;B]", "runtime:closed", ...; "internal:..." for one that no program
// should be able to meet.
std::string error_name(const absl::Status& error);

// {"err": NAME}
json error_json(const absl::Status& error);

// What `raise` and `set_error` make.
absl::Status user_error(const std::string& text);

// What an operation came to, as its line shows it: a value or the name of an
// error.
struct outcome {
  outcome() = default;  // Well, without a value: null.
  static outcome ok(json j);
  static outcome error(std::string name);
  static outcome of(const absl::Status& status);
  static outcome of(const absl::StatusOr<datum>& result);

  bool is_ok() const { return err.empty(); }

  json value;
  std::string err;
};

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_DATUM_H_
