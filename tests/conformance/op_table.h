#ifndef RATCHET_TESTS_CONFORMANCE_OP_TABLE_H_
#define RATCHET_TESTS_CONFORMANCE_OP_TABLE_H_

#include <string>
#include <utility>
#include <vector>

namespace ratchet::conformance {

// The operations of the program format, described once: see README.md.

enum class op_class {
  sync,    // Finishes at once; allowed in tasks, callbacks and the driver.
  flow,    // Ends the running list.
  await,   // May suspend; tasks only; can catch.
  scope,   // Owns nested lists; tasks only; can catch.
  driver,  // Drives the loop from outside; driver only.
};

struct field_spec {
  std::string name;
  std::string type;  // As in the table; a list of words for a choice.
  bool optional;

  bool is_choice() const { return type.find('|') != std::string::npos; }
};

struct op_spec {
  std::string name;
  op_class cls;
  std::vector<field_spec> fields;
  // What of the operation its trace line repeats: (key, field).
  std::vector<std::pair<std::string, std::string>> echo;
  std::vector<std::string> kinds;  // Of the object in the field "o".

  const field_spec* find_field(const std::string& name) const;
};

// nullptr when there is no such operation.
const op_spec* find_op(const std::string& name);

// The kinds of objects with the integer fields of each.
struct object_spec {
  std::string kind;
  std::vector<field_spec> fields;

  const field_spec* find_field(const std::string& name) const;
};
const object_spec* find_object_kind(const std::string& kind);

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_OP_TABLE_H_
