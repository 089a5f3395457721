#ifndef RATCHET_TESTS_CONFORMANCE_PROGRAM_H_
#define RATCHET_TESTS_CONFORMANCE_PROGRAM_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/conformance/datum.h"
#include "tests/conformance/op_table.h"

namespace ratchet::conformance {

// operation: one step of a program. Its nested lists are taken out of the
// fields.
struct operation {
  const op_spec* spec = nullptr;
  json fields;
  bool catch_errors = false;
  bool catch_cancel = false;
  std::vector<operation> body;
  std::vector<operation> finally;
  std::vector<operation> callback;  // The field "do".

  const std::string& name() const { return spec->name; }
  bool has(const char* field) const { return fields.contains(field); }
  bool is_null(const char* field) const { return fields[field].is_null(); }

  // REQUIRES: has(field), of that type.
  std::string text(const char* field) const;
  std::vector<std::string> texts(const char* field) const;
  absl::Duration milliseconds(const char* field) const;
  int64_t integer(const char* field) const;

  // False, or null, when there is no such field.
  bool flag(const char* field) const;
  json value_or_null(const char* field) const;

  // What its trace line repeats.
  json echo() const;
};

using op_list = std::vector<operation>;

// object_decl: a synchronization object, as the program declares it.
struct object_decl {
  std::string name;
  std::string kind;
  json fields;
};

// program: what some tasks do, and what drives the loop they run in.
struct program {
  std::vector<object_decl> objects;
  std::map<std::string, op_list> tasks;
  op_list driver;
};

// The program in `text`, which is JSON. kInvalidArgument, with a sentence that
// says where and what, if it is none.
absl::StatusOr<program> parse_program(const std::string& text);
absl::StatusOr<program> make_program(const json& source);

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_PROGRAM_H_
