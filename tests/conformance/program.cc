#include "tests/conformance/program.h"

#include "absl/status/status.h"
#include "tests/conformance/validate.h"

namespace ratchet::conformance {
namespace {

op_list make_list(const json& source);

operation make_operation(const json& source) {
  operation op;
  op.spec = find_op(source["op"].get<std::string>());
  op.fields = json::object();
  for (const auto& [key, field] : source.items()) {
    if (key == "op") continue;
    if (key == "catch") {
      op.catch_errors = field.get<bool>();
    } else if (key == "catch_cancel") {
      op.catch_cancel = field.get<bool>();
    } else if (key == "body") {
      op.body = make_list(field);
    } else if (key == "finally") {
      op.finally = make_list(field);
    } else if (key == "do") {
      op.callback = make_list(field);
      op.fields[key] = nullptr;  // It has one.
    } else {
      op.fields[key] = field;
    }
  }
  return op;
}

op_list make_list(const json& source) {
  op_list list;
  for (const json& op : source) list.push_back(make_operation(op));
  return list;
}

json default_driver() {
  json run = json::object();
  run["op"] = "run";
  run["task"] = "main";
  return json::array({run});
}

}  // namespace

std::string operation::text(const char* field) const {
  return fields[field].get<std::string>();
}

std::vector<std::string> operation::texts(const char* field) const {
  return fields[field].get<std::vector<std::string>>();
}

absl::Duration operation::milliseconds(const char* field) const {
  return absl::Milliseconds(integer(field));
}

int64_t operation::integer(const char* field) const {
  return fields[field].get<int64_t>();
}

bool operation::flag(const char* field) const {
  return has(field) && fields[field].get<bool>();
}

json operation::value_or_null(const char* field) const {
  return has(field) ? fields[field] : json();
}

json operation::echo() const {
  json echoed = json::object();
  for (const auto& [key, field] : spec->echo) {
    if (fields.contains(field)) echoed[key] = fields[field];
  }
  return echoed;
}

absl::StatusOr<program> make_program(const json& source) {
  absl::Status status = validate(source);
  if (!status.ok()) return status;

  program result;
  if (source.contains("objects")) {
    for (const auto& [name, object] : source["objects"].items()) {
      result.objects.push_back(
          {name, object["kind"].get<std::string>(), object});
    }
  }
  for (const auto& [name, ops] : source["tasks"].items()) {
    result.tasks[name] = make_list(ops);
  }
  result.driver = make_list(source.contains("driver") ? source["driver"]
                                                      : default_driver());
  return result;
}

absl::StatusOr<program> parse_program(const std::string& text) {
  const json source = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (source.is_discarded()) {
    return absl::InvalidArgumentError("the text is not JSON");
  }
  return make_program(source);
}

}  // namespace ratchet::conformance
