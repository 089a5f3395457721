#include "tests/conformance/validate.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/conformance/op_table.h"

namespace ratchet::conformance {
namespace {

// Milliseconds and values of that size can be added up in 64 bits as often as
// a program can: tighter than the format, which knows no limits.
constexpr int64_t kLargestInteger = 1'000'000'000'000;
constexpr int kDeepestNesting = 100;
constexpr std::array<const char*, 3> kNestedLists = {"body", "finally", "do"};

absl::Status bad(const std::string& sentence) {
  return absl::InvalidArgumentError(sentence);
}

// -- Words and values --------------------------------------------------------

bool is_name(const json& v) {
  if (!v.is_string()) return false;
  const std::string& s = v.get_ref<const std::string&>();
  if (s.empty() || absl::ascii_isdigit(static_cast<unsigned char>(s[0]))) {
    return false;
  }
  return std::all_of(s.begin(), s.end(), [](char c) {
    return c == '_' || absl::ascii_isalnum(static_cast<unsigned char>(c));
  });
}

bool is_handle(const json& v) {
  return is_name(v) || (v.is_string() && v.get<std::string>() == "@self");
}

bool is_message(const json& v) {
  if (!v.is_string()) return false;
  const std::string& s = v.get_ref<const std::string&>();
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
           c == ' ' || c == '.' || c == '-';
  });
}

bool is_integer(const json& v) {
  if (v.is_number_unsigned()) {
    return v.get<uint64_t>() <= static_cast<uint64_t>(kLargestInteger);
  }
  return v.is_number_integer() && v.get<int64_t>() <= kLargestInteger &&
         v.get<int64_t>() >= -kLargestInteger;
}

bool is_value(const json& v, int depth = 0) {
  if (v.is_null() || v.is_boolean() || v.is_string() || is_integer(v)) {
    return true;
  }
  return v.is_array() && depth < kDeepestNesting &&
         std::all_of(v.begin(), v.end(),
                     [depth](const json& x) { return is_value(x, depth + 1); });
}

bool is_one_of(const json& v, const std::string& choices) {
  if (!v.is_string()) return false;
  const std::vector<std::string> all = absl::StrSplit(choices, '|');
  return std::find(all.begin(), all.end(), v.get<std::string>()) != all.end();
}

// -- Programs ----------------------------------------------------------------

// Where an operation list is, and what may stand in it.
struct place {
  std::string name;
  std::set<op_class> allowed;
  bool raise_allowed = false;
  bool in_finally = false;
  int depth = 0;
};

class validator {
 public:
  explicit validator(const json& program) : program_(program) {}

  absl::Status run() {
    if (!program_.is_object()) return bad("a program is an object");
    for (const auto& [key, unused] : program_.items()) {
      if (!is_one_of(key, "name|doc|rules|objects|tasks|driver")) {
        return bad(absl::StrCat("unknown field \"", key, "\""));
      }
    }
    absl::Status status = check_objects();
    if (status.ok()) status = check_tasks();
    if (status.ok()) status = check_driver();
    if (status.ok()) status = check_that_none_starts_itself();
    return status;
  }

 private:
  absl::Status check_objects();
  absl::Status check_object(const std::string& name, const json& object);
  absl::Status check_tasks();
  absl::Status check_driver();
  absl::Status check_list(const json& ops, const place& where);
  absl::Status check_op(const json& op, const place& where, size_t index);
  absl::Status check_fields(const json& op, const op_spec& spec,
                            const std::string& at);
  absl::Status check_together(const json& op, const std::string& at);
  bool check_field(const json& v, const field_spec& field, const op_spec& spec);
  absl::Status check_that_none_starts_itself();

  // "" when there is no such object.
  std::string kind_of_object(const json& name) const {
    if (!name.is_string() || !program_.contains("objects")) return "";
    const json& objects = program_["objects"];
    const auto found = objects.find(name.get<std::string>());
    if (found == objects.end() || !found->is_object()) return "";
    const json kind = found->value("kind", json());
    return kind.is_string() ? kind.get<std::string>() : "";
  }

  const json& program_;
};

absl::Status validator::check_objects() {
  if (!program_.contains("objects")) return absl::OkStatus();
  if (!program_["objects"].is_object()) return bad("objects: not an object");
  for (const auto& [name, object] : program_["objects"].items()) {
    absl::Status status = check_object(name, object);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status validator::check_object(const std::string& name,
                                     const json& object) {
  if (!is_name(name)) return bad(absl::StrCat("bad object name ", name));
  const object_spec* const spec = find_object_kind(kind_of_object(name));
  if (spec == nullptr) return bad(absl::StrCat(name, ": unknown kind"));
  for (const auto& [key, v] : object.items()) {
    if (key == "kind") continue;
    const field_spec* const field = spec->find_field(key);
    if (field == nullptr) {
      return bad(absl::StrCat(name, ": unknown field ", key));
    }
    if (field->type == "object") {
      if (kind_of_object(v) != "lock") {
        return bad(absl::StrCat(name, ": no such lock"));
      }
    } else if (!is_integer(v) || v.get<int64_t>() < 0) {
      return bad(absl::StrCat(name, ": bad ", key));
    }
  }
  if (spec->kind == "barrier" &&
      (!object.contains("parties") || object["parties"].get<int64_t>() == 0)) {
    return bad(absl::StrCat(name, ": parties must be positive"));
  }
  return absl::OkStatus();
}

absl::Status validator::check_tasks() {
  if (!program_.contains("tasks") || !program_["tasks"].is_object() ||
      program_["tasks"].empty()) {
    return bad("tasks: missing");
  }
  for (const auto& [name, ops] : program_["tasks"].items()) {
    if (!is_name(name)) return bad(absl::StrCat("bad task name ", name));
    place body;
    body.name = name;
    body.allowed = {op_class::sync, op_class::flow, op_class::await,
                    op_class::scope};
    absl::Status status = check_list(ops, body);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status validator::check_driver() {
  if (!program_.contains("driver")) {
    return program_["tasks"].contains("main") ? absl::OkStatus()
                                              : bad("no task main");
  }
  place driver;
  driver.name = "driver";
  driver.allowed = {op_class::sync, op_class::driver};
  return check_list(program_["driver"], driver);
}

absl::Status validator::check_list(const json& ops, const place& where) {
  if (!ops.is_array()) return bad(absl::StrCat(where.name, ": not a list"));
  if (where.depth > kDeepestNesting) {
    return bad(absl::StrCat(where.name, ": nested too deep"));
  }
  for (size_t i = 0; i < ops.size(); ++i) {
    absl::Status status = check_op(ops[i], where, i);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status validator::check_op(const json& op, const place& where,
                                 size_t index) {
  std::string at = absl::StrCat(where.name, "[", index, "]");
  const json name = op.is_object() ? op.value("op", json()) : json();
  const op_spec* const spec =
      name.is_string() ? find_op(name.get<std::string>()) : nullptr;
  if (spec == nullptr) {
    return bad(absl::StrCat(at, ": unknown op ", op.dump(-1, ' ', true)));
  }
  absl::StrAppend(&at, " ", spec->name);
  if (where.allowed.count(spec->cls) == 0 &&
      !(where.raise_allowed && spec->name == "raise")) {
    return bad(absl::StrCat(at, ": not allowed here"));
  }
  if (where.in_finally && spec->name == "return") {
    return bad(absl::StrCat(at, ": not allowed in finally"));
  }
  absl::Status status = check_fields(op, *spec, at);
  if (status.ok()) status = check_together(op, at);
  if (!status.ok()) return status;

  for (const char* const field : kNestedLists) {
    if (!op.contains(field)) continue;
    place inside = where;
    inside.name = absl::StrCat(at, ".", field);
    ++inside.depth;
    if (std::string(field) == "do") {
      inside.allowed = {op_class::sync};
      inside.raise_allowed = true;
    } else if (std::string(field) == "finally") {
      inside.in_finally = true;
    }
    status = check_list(op[field], inside);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status validator::check_fields(const json& op, const op_spec& spec,
                                     const std::string& at) {
  const bool can_catch =
      spec.cls == op_class::await || spec.cls == op_class::scope;
  for (const auto& [key, v] : op.items()) {
    if (key == "op") continue;
    if (key == "catch" || key == "catch_cancel") {
      if (!can_catch || !v.is_boolean()) {
        return bad(absl::StrCat(at, ": bad ", key));
      }
      continue;
    }
    const field_spec* const field = spec.find_field(key);
    if (field == nullptr) {
      return bad(absl::StrCat(at, ": unknown field ", key));
    }
    if (!check_field(v, *field, spec)) {
      return bad(absl::StrCat(at, ": bad ", key));
    }
  }
  for (const field_spec& field : spec.fields) {
    if (!field.optional && !op.contains(field.name)) {
      return bad(absl::StrCat(at, ": missing ", field.name));
    }
  }
  return absl::OkStatus();
}

bool validator::check_field(const json& v, const field_spec& field,
                            const op_spec& spec) {
  const std::string& type = field.type;
  if (field.is_choice()) return is_one_of(v, type);
  if (type == "int") return is_integer(v);
  if (type == "int_or_null") return v.is_null() || is_integer(v);
  if (type == "bool") return v.is_boolean();
  if (type == "name") return is_name(v);
  if (type == "handle") return is_handle(v);
  if (type == "handles") {
    return v.is_array() && std::all_of(v.begin(), v.end(), is_name);
  }
  if (type == "msg") return is_message(v);
  if (type == "task") {
    return v.is_string() && program_["tasks"].contains(v.get<std::string>());
  }
  if (type == "object") {
    const std::string kind = kind_of_object(v);
    return std::find(spec.kinds.begin(), spec.kinds.end(), kind) !=
           spec.kinds.end();
  }
  if (type == "value") return is_value(v);
  return true;  // Lists: the caller looks into them.
}

// What fields say about each other.
absl::Status validator::check_together(const json& op, const std::string& at) {
  const std::string name = op["op"].get<std::string>();
  if ((name == "timeout" || name == "reschedule") &&
      op.contains("ms") == op.contains("at")) {
    return bad(absl::StrCat(at, ": ms or at"));
  }
  if ((name == "wait_for" || name == "run_until_complete") &&
      op.contains("h") == op.contains("task")) {
    return bad(absl::StrCat(at, ": h or task"));
  }
  if (name == "raise" && op.value("kind", "error") == "error" &&
      !op.contains("msg")) {
    return bad(absl::StrCat(at, ": missing msg"));
  }
  if ((name == "put" || name == "put_nowait") && !is_integer(op["value"]) &&
      kind_of_object(op["o"]) == "priority_queue") {
    return bad(absl::StrCat(at, ": value must be an integer"));
  }
  if (name == "notify" && op.contains("n") && op["n"].get<int64_t>() < 0) {
    return bad(absl::StrCat(at, ": bad n"));
  }
  return absl::OkStatus();
}

// Every operation of a list, the nested ones included.
void for_each_op(const json& ops, absl::FunctionRef<void(const json&)> f) {
  for (const json& op : ops) {
    f(op);
    for (const char* const field : kNestedLists) {
      if (op.contains(field)) for_each_op(op[field], f);
    }
  }
}

absl::Status validator::check_that_none_starts_itself() {
  std::map<std::string, std::set<std::string>> starts;
  for (const auto& [name, ops] : program_["tasks"].items()) {
    std::set<std::string>& started = starts[name];
    for_each_op(ops, [&started](const json& op) {
      if (op.contains("task")) started.insert(op["task"].get<std::string>());
    });
  }
  // What only starts tasks that have gone can go; who stays is in a cycle, or
  // starts one.
  for (bool progress = true; progress;) {
    progress = false;
    for (auto it = starts.begin(); it != starts.end();) {
      const bool leaf =
          std::none_of(it->second.begin(), it->second.end(),
                       [&](const std::string& t) { return starts.count(t); });
      progress |= leaf;
      it = leaf ? starts.erase(it) : std::next(it);
    }
  }
  if (starts.empty()) return absl::OkStatus();
  // Along the starts of who is left one comes into a cycle.
  std::string name = starts.begin()->first;
  for (std::set<std::string> seen; seen.insert(name).second;) {
    for (const std::string& t : starts[name]) {
      if (starts.count(t) != 0) {
        name = t;
        break;
      }
    }
  }
  return bad(absl::StrCat("task ", name, " starts itself"));
}

}  // namespace

absl::Status validate(const json& program) { return validator(program).run(); }

}  // namespace ratchet::conformance
