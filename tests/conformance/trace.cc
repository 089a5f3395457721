#include "tests/conformance/trace.h"

#include <utility>

#include "absl/time/time.h"

namespace ratchet::conformance {
namespace {

void append(json& line, const json& fields) {
  for (const auto& [key, field] : fields.items()) line[key] = field;
}

}  // namespace

void trace::add(const std::string& who, const std::string& event,
                const json& fields) {
  if (full()) return;
  json line = json::object();
  line["t"] = absl::ToInt64Milliseconds(loop_.now() - absl::UnixEpoch());
  if (hops_) line["it"] = loop_.iteration();
  line["task"] = who;
  line["ev"] = event;
  append(line, fields);
  lines_.push_back(line.dump(-1, ' ', /*ensure_ascii=*/true));
  if (full()) loop_.stop();
}

void trace::add(const std::string& who, const std::string& event, json fields,
                const outcome& result, const json& extra) {
  if (result.is_ok()) {
    fields["ok"] = result.value;
  } else {
    fields["err"] = result.err;
  }
  append(fields, extra);
  add(who, event, fields);
}

std::vector<std::string> trace::take() {
  if (full()) lines_.push_back(R"({"ev":"limit"})");
  return std::move(lines_);
}

}  // namespace ratchet::conformance
